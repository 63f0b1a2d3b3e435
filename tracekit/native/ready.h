/* ReadyQueue: an event loop's queue of callbacks, which records what passes through. */
#ifndef TRACEKIT_READY_H
#define TRACEKIT_READY_H

#include "common.h"

/* The class, a subclass of collections.deque; a new reference, NULL with an exception. */
PyObject *make_ready_queue(void);

/* Only once it is made. */
bool is_ready_queue(PyObject *object);

#endif
