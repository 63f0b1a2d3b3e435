/* Semaphore: the methods of what multiprocessing makes its locks of, which record who takes, frees and waits. */
#ifndef TRACEKIT_SEMAPHORE_H
#define TRACEKIT_SEMAPHORE_H

#include "common.h"

/* -1 with an exception where it is not what we believe. */
int watch_semaphore(PyTypeObject *type);
void unwatch_semaphore(void);

#endif
