/* Task: what a callback is a step of, and the number that it has in a recording. Knows neither queue nor loop.

   The number lies in a Mark among the task's own attributes, so it goes when the task goes. */
#ifndef TRACEKIT_TASK_H
#define TRACEKIT_TASK_H

#include "buffer.h"
#include "common.h"

enum { TASK_PLACE_BITS = 11, TASK_PLACES = 1 << TASK_PLACE_BITS };

typedef struct {
    PyObject_HEAD
    PyObject *recorder, *name;
    uint64_t session; /* id of the recorder's Buffer */
    unsigned long serial;
    struct task_place *place; /* where it is remembered, or NULL */
} Mark;

/* Tasks by their address, which is quicker than by their attributes. What is here is taken out when the mark goes. */
struct task_place {
    PyObject *task;
    uint64_t session;
    uint32_t serial;
    Mark *mark;
};

extern PyTypeObject Mark_Type;
extern struct task_place task_places[TASK_PLACES];

int begin_tasks(void);

/* Whether a task is of asyncio's own class. */
bool is_known_task(PyObject *task);

/* Give a task a number and a name in the recording of this recorder; -1 with an exception. */
int mark_task(PyObject *task, PyObject *recorder, unsigned long serial, PyObject *name);

/* The attribute of an object, a new reference; NULL without an exception where it has none, -1 where that failed. */
int look_up_attribute(PyObject *object, PyObject *name, PyObject **found);

/* The task that a callback is a step of: 1 and a new reference; 0 it is no step; -1 with an exception. */
int task_of(PyObject *callback, PyObject **task);

/* What asyncio's own code gives a loop to call, its class of tasks, which nobody can change, and methods of that, which need
   not be looked up then. NULL as long as that is not known. */
typedef struct {
    PyTypeObject *step;  /* of an object that has the task as its first field */
    PyMethodDef *wakeup; /* of a builtin that has the task as its self */
    PyTypeObject *task;
    PyCFunction done, cancelled, get_name, get_coro;
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

/* Whether a task has ended; -1 with an exception. */
int is_done(PyObject *task);

/* Whether it ended in the plainest way: by returning, and under the name that it has here. -1 with an exception. */
int is_done_plainly(PyObject *task);

int look_up_serial(PyObject *task, uint64_t session, uint32_t *serial);

static inline bool serial_at_once(PyObject *task, uint64_t session, uint32_t *serial)
{
#ifdef Py_GIL_DISABLED
    (void)task, (void)session, (void)serial;
    return false;
#else
    const struct task_place *place = task_places + place_of_address(task, TASK_PLACE_BITS);
    *serial = place->serial;
    return place->task == task && place->session == session;
#endif
}

/* The number of a task in a recording: 1, or 0 if it has none, or -1 with an exception. */
static inline int serial_of(PyObject *task, uint64_t session, uint32_t *serial)
{
    return LIKELY(serial_at_once(task, session, serial)) ? 1 : look_up_serial(task, session, serial);
}

#endif
