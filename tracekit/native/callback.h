/* Callback: what a loop calls that is no step of a task: its name, its code, and when it was due. Knows no queue.

   The twin of `begin_callback` in hooks/tasks.py. */
#ifndef TRACEKIT_CALLBACK_H
#define TRACEKIT_CALLBACK_H

#include "buffer.h"

int begin_callbacks(void);

/* The record that a callback begins. */
typedef struct {
    uint32_t name;
    FewDetails details;
} CallbackBegin;

/* Fill in what is known of a callback but its time; `given` is its only argument, or NULL, `due` is CLOCK_MONOTONIC in ns if it
   is a timer's, or 0, and `scheduled` its number if another thread has scheduled it, or None. Only while the probes are on. -1
   with an exception. */
int describe_callback(PyObject *callback, PyObject *given, int64_t due, PyObject *scheduled, CallbackBegin *begin);

#endif
