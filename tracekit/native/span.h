/* Span and its uses: what `with` enters. Knows nothing of functions and marks. */
#ifndef TRACEKIT_SPAN_H
#define TRACEKIT_SPAN_H

#include "use.h"

extern PyTypeObject Span_Type;
extern PyMethodDef span_methods_of_module[];

/* Make the types ready. */
int begin_spans(void);

#endif
