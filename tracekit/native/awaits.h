/* Awaits: what a pending task waits for, and where, as details of the end of its step. Knows no step.

   The twin of `_awaits` in hooks/tasks.py. */
#ifndef TRACEKIT_AWAITS_H
#define TRACEKIT_AWAITS_H

#include "buffer.h"
#include "task.h"

int begin_awaits(void);

/* Details of a task that waits for a future; likewise where it waits for none, but slower. */
int look_what_it_awaits(PyObject *task, bool may_ask, FewDetails *details);

/* Add details; none where the task waits for nothing. Only while the probes are on. 0: done; NOT_KNOWN (of codes.h): Python would
   have to be asked, and may not; -1 with an exception. */
static inline int add_awaits(PyObject *task, bool may_ask, FewDetails *details)
{
    if (LIKELY(Py_TYPE(task) == known_tasks.task)) {
        PyObject *waiter = known_tasks.waiter(task, NULL);
        Py_XDECREF(waiter);
        if (LIKELY(waiter == Py_None))
            return 0;
    }
    return look_what_it_awaits(task, may_ask, details);
}

#endif
