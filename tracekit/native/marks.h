/* Marks: instant and counter. Knows nothing of spans. */
#ifndef TRACEKIT_MARKS_H
#define TRACEKIT_MARKS_H

#include "common.h"

extern PyMethodDef marks_methods[];

#endif
