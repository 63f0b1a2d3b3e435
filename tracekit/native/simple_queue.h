/* SimpleQueue: the methods of queue.SimpleQueue, which record who waits for something to be put. */
#ifndef TRACEKIT_SIMPLE_QUEUE_H
#define TRACEKIT_SIMPLE_QUEUE_H

#include "common.h"

/* -1 with an exception where it is not what we believe. */
int watch_simple_queue(PyTypeObject *type);
void unwatch_simple_queue(void);

#endif
