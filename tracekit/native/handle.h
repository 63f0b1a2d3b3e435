/* Handle: what a loop has for a callback that is scheduled. Knows no task and no queue. */
#ifndef TRACEKIT_HANDLE_H
#define TRACEKIT_HANDLE_H

#include "common.h"

enum handle_field { HANDLE_CALLBACK, HANDLE_CANCELLED, HANDLE_LOOP, HANDLE_ARGS, HANDLE_FIELDS };

/* asyncio's own classes, and where their fields lie; NULL as long as that is not known. */
typedef struct {
    PyTypeObject *handle, *timer;
    Py_ssize_t places[HANDLE_FIELDS];
    Py_ssize_t when; /* of the second one only */
} HandleClasses;

extern HandleClasses handle_classes;

PyObject *look_up_field(PyObject *handle, enum handle_field field);

/* A field of one of those classes; borrowed, NULL: look it up. */
static inline PyObject *field_at_once(PyObject *handle, enum handle_field field)
{
    PyTypeObject *type = Py_TYPE(handle);
    if (LIKELY(type == handle_classes.handle || type == handle_classes.timer))
        return *(PyObject **)((char *)handle + handle_classes.places[field]);
    return NULL;
}

/* A field, as the attribute has it; a new reference, NULL with an exception. */
static inline PyObject *handle_field(PyObject *handle, enum handle_field field)
{
    PyObject *value = field_at_once(handle, field);
    if (UNLIKELY(value == NULL))
        return look_up_field(handle, field);
    Py_INCREF(value);
    return value;
}

/* -1 with an exception. */
static inline int handle_is_cancelled(PyObject *handle)
{
    return truth_of(handle_field(handle, HANDLE_CANCELLED));
}

/* When a timer was due: CLOCK_MONOTONIC in ns; 0: it is no timer, or goes by another clock. As `due_time` in hooks/ready.py.
   -1 with an exception. */
int64_t due_time(PyObject *handle);

/* Whether its loop runs on another thread than this one; -1 with an exception. */
int handle_is_of_another_thread(PyObject *handle);

#endif
