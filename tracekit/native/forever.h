/* RunForever: the method that runs a loop that keeps its queue to itself. */
#ifndef TRACEKIT_FOREVER_H
#define TRACEKIT_FOREVER_H

#include "common.h"

/* What runs on a thread: a loop, and the hook's object for it. Borrowed: whoever put them here holds them. NULL: nothing. */
typedef struct {
    PyObject *loop, *queue;
} LoopRun;

extern __thread LoopRun loop_run;
extern PyTypeObject RunForever_Type;

int begin_runs(void);

#endif
