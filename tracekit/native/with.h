/* with: how a span is entered and left. Knows nothing of how a span is made. */
#ifndef TRACEKIT_WITH_H
#define TRACEKIT_WITH_H

#include "use.h"

/* What a span does when it is called: it is entered, or left. */
PyObject *span_call(Span *span, PyObject *const *args, size_t nargsf, PyObject *keywords);

/* Give the type, which is ready, its `__enter__` and `__exit__`. */
int add_with(PyTypeObject *type);

#endif
