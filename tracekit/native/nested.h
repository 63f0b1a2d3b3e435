/* Slices that lie within each other; see model/nesting.py and export/_events.py. */
#ifndef TRACEKIT_NESTED_H
#define TRACEKIT_NESTED_H

#include "common.h"

extern PyMethodDef nested_methods[];

#endif
