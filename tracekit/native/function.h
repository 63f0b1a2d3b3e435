/* function: what `trace` puts in place of a plain function. Knows nothing of spans' uses and of marks. */
#ifndef TRACEKIT_FUNCTION_H
#define TRACEKIT_FUNCTION_H

#include "common.h"

extern PyTypeObject Function_Type;

#endif
