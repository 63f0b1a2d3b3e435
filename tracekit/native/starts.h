/* Starts: tasks whose first step runs within the call that makes them (eager tasks, since Python 3.12). */
#ifndef TRACEKIT_STARTS_H
#define TRACEKIT_STARTS_H

#include "common.h"

/* Functions of the module: watch_starts, where there are such tasks. */
extern PyMethodDef starts_methods[];

int begin_starts(void);

#endif
