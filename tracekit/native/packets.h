/* Many packets of a Perfetto trace out of columns; see export/_packets.py. */
#ifndef TRACEKIT_PACKETS_H
#define TRACEKIT_PACKETS_H

#include "common.h"

extern PyMethodDef packets_methods[];

#endif
