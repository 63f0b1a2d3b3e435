/* Chain: coroutines and generators that wait for each other. Knows no task.

   The twin of `awaits` in hooks/chain.py. */
#ifndef TRACEKIT_CHAIN_H
#define TRACEKIT_CHAIN_H

#include "common.h"

int begin_chains(void);

/* Where a suspended coroutine stands. The two ids are those of `awaits` in hooks/chain.py; 0 for "". */
typedef struct {
    uint32_t where, what;
} Stand;

/* 0: done; NOT_KNOWN (of codes.h): Python would have to be asked, and may not; -1 with an exception. */
int stand_of(PyObject *coroutine, bool may_ask, Stand *stand);

#endif
