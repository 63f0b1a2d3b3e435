/* Mark: the number that a task has in a recording, and the name that it had there. Knows no task.

   It lies among the task's own attributes, so it goes when the task goes. */
#ifndef TRACEKIT_MARK_H
#define TRACEKIT_MARK_H

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

int begin_marks(void);

/* What a task is marked with: a new reference, or NULL without an exception; -1 with one. */
int mark_of(PyObject *task, PyObject **mark);

/* Give a task a number and a name in the recording of this recorder, whose Buffer has this id; -1 with an exception. */
int mark_task(PyObject *task, PyObject *recorder, uint64_t session, unsigned long serial, PyObject *name);

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
