/* Scheduled: a callback on its way through a loop that keeps its queue to itself. Knows the hook's object for the loop, a
   ReadyQueue through which nothing passes, and in which stands what runs. */
#ifndef TRACEKIT_SCHEDULED_H
#define TRACEKIT_SCHEDULED_H

#include "method.h"

/* What a hook has put in place of one method of its loops. */
typedef struct {
    Method method;
    Py_ssize_t before; /* arguments that come before the callback */
    bool is_threadsafe, is_timed;
} Scheduler;

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *callback, *loop;
    Scheduler *by;
    int64_t due;          /* CLOCK_MONOTONIC in ns, of a timer */
    unsigned long number; /* of its CALLBACK_READY; 0: none */
    bool is_tracked;      /* by the garbage collector */
} Scheduled;

extern PyTypeObject Scheduled_Type;

int begin_scheduled(void);

/* A new reference; NULL with an exception. `is_step`: it will run soon, and be part of no cycle until then. */
Scheduled *new_scheduled(Scheduler *by, PyObject *loop, PyObject *callback, bool is_step);

/* The hook's object for a loop, a new reference; NULL with an exception. */
PyObject *queue_of_loop(Scheduler *by, PyObject *loop);

#endif
