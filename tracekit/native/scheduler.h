/* Scheduler: a method of a loop that takes a callback. */
#ifndef TRACEKIT_SCHEDULER_H
#define TRACEKIT_SCHEDULER_H

#include "common.h"

extern PyTypeObject Scheduler_Type;

int begin_schedulers(void);

#endif
