/* Join: the method by which threads are waited for since 3.13; before, each has a lock of its own for that. */
#ifndef TRACEKIT_JOIN_H
#define TRACEKIT_JOIN_H

#include "common.h"

/* -1 with an exception where it is not what we believe. */
int watch_join(PyTypeObject *type);
void unwatch_join(void);

#endif
