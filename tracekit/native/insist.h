/* insist: a signal that Python's handler has not answered comes again. Knows signals, and not what they are for. */
#ifndef TRACEKIT_INSIST_H
#define TRACEKIT_INSIST_H

#include "common.h"

extern PyMethodDef insist_methods[];

#endif
