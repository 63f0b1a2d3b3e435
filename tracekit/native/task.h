/* Task: what a callback is a step of, and how it has ended. Knows neither queue nor loop. */
#ifndef TRACEKIT_TASK_H
#define TRACEKIT_TASK_H

#include "buffer.h"
#include "common.h"

int begin_tasks(void);

/* Whether a task is of asyncio's own class. */
bool is_known_task(PyObject *task);

/* The task that a callback is a step of: 1 and a new reference; 0 it is no step; -1 with an exception. */
int task_of(PyObject *callback, PyObject **task);

/* What asyncio's own code gives a loop to call, its class of tasks, which nobody can change, and methods of that, which need
   not be looked up then. NULL as long as that is not known. */
typedef struct {
    PyTypeObject *step;  /* of an object that has the task as its first field */
    PyMethodDef *wakeup; /* of a builtin that has the task as its self */
    PyTypeObject *task;
    PyCFunction done, cancelled, get_name, get_coro;
    getter waiter, exception; /* waiter: the future that it waits for */
    PyTypeObject *future;
    PyCFunction future_cancelled;
} KnownTasks;

extern KnownTasks known_tasks;

/* Likewise, where that can be told without a question; borrowed, NULL: ask `task_of`. */
static inline PyObject *task_at_once(PyObject *callback)
{
    if (LIKELY(Py_TYPE(callback) == known_tasks.step))
        return *(PyObject **)(callback + 1);
    if (PyCFunction_CheckExact(callback) && ((PyCFunctionObject *)callback)->m_ml == known_tasks.wakeup)
        return PyCFunction_GET_SELF(callback);
    return NULL;
}

/* Whether it can be told without a question that a task has not ended. */
static inline bool is_pending_at_once(PyObject *task)
{
    if (Py_TYPE(task) != known_tasks.task)
        return false;
    PyObject *done = known_tasks.done(task, NULL);
    bool pending = done == Py_False;
    Py_XDECREF(done);
    return pending;
}

/* What a TASK_READY says of its cause: whether the future was cancelled whose end makes this callback, a task's, ready; -1
   with an exception. */
int ready_cause(PyObject *callback, PyObject *handle);

/* The two halves of it: whether a callback, a task's, is called by a future that has ended, and what that future says of the
   cause; -1 with an exception. */
int is_wake_up(PyObject *callback);
int future_cause(PyObject *future);

/* Whether a task has ended; -1 with an exception. */
int is_done(PyObject *task);

/* Whether it ended in the plainest way: by returning, and under the name that it has here. -1 with an exception. */
int is_done_plainly(PyObject *task);

#endif
