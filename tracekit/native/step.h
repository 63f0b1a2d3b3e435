/* Step: what runs on a loop, a task's step or a callback, from its begin to its end. Knows tasks by their numbers, and neither
   handles nor why anything runs.

   All take the queue of the loop; -1 with an exception. */
#ifndef TRACEKIT_STEP_H
#define TRACEKIT_STEP_H

#include "queue.h"

/* Number a task that has no number yet. 1: done; 0: it has none all the same. */
int learn_task(PyObject *self, PyObject *task, bool late, uint32_t *serial);

/* Only while the probes are on. */
int begin_step(PyObject *self, PyObject *task, Run run);

/* A callback that is no step; `due` and `scheduled` as in callback.h. Only while the probes are on. */
int begin_callback(PyObject *self, PyObject *callback, PyObject *given, int64_t due, PyObject *scheduled);

/* The run of the loop in this frame goes on: what it had begun has ended. */
int end_before(PyObject *self, Place frame);

/* What was begun by runs of the loop that are over has ended. */
int end_what_is_over(PyObject *self);

/* All but so many of the outermost has ended. */
int end_down_to(PyObject *self, unsigned count);

#endif
