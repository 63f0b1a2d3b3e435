/* Locks: the methods of Python's locks of one process, which record who waits. Knows Lock and RLock, and what they are made of. */
#ifndef TRACEKIT_LOCKS_H
#define TRACEKIT_LOCKS_H

#include "common.h"

/* One class, and how its methods are replaced; -1 with an exception where it is not what we believe. */
int watch_lock(PyTypeObject *type);
int watch_rlock(PyTypeObject *type);
void unwatch_locks(void);

#endif
