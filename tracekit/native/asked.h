/* Asked: whether a call is one that may wait, by its arguments. Knows no method.

   What is not as usual is left to the method itself, which knows best what is wrong with it. */
#ifndef TRACEKIT_ASKED_H
#define TRACEKIT_ASKED_H

#include "common.h"

enum asked { MAY_WAIT, MAY_NOT, NOT_USUAL };

/* Whether it is a number that a C int holds. */
static inline bool is_small(PyObject *object)
{
    int overflow = 0;
    long number = PyLong_CheckExact(object) ? PyLong_AsLongAndOverflow(object, &overflow) : LONG_MAX;
    return overflow == 0 && INT_MIN <= number && number <= INT_MAX;
}

/* Two arguments, whether to wait and for how long, NULL where they are not given. `forever` is the number of seconds that stands
   for any length; None does if it may. */
static inline enum asked asked_for(PyObject *wait, PyObject *timeout, bool none_is_forever, double forever)
{
    if (wait != NULL && !PyBool_Check(wait) && !is_small(wait))
        return NOT_USUAL;
    bool waits = wait == NULL || PyObject_IsTrue(wait) > 0;
    if (timeout == NULL || (none_is_forever && timeout == Py_None))
        return waits ? MAY_WAIT : MAY_NOT;
    double seconds = PyFloat_Check(timeout) ? PyFloat_AS_DOUBLE(timeout) : PyLong_CheckExact(timeout) ? PyLong_AsDouble(timeout) : -2;
    if (seconds == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        return NOT_USUAL;
    }
    if (seconds == forever)
        return waits ? MAY_WAIT : MAY_NOT;
    if (!(seconds >= 0 && seconds < 9e9) || !waits)
        return NOT_USUAL;
    return seconds > 0 ? MAY_WAIT : MAY_NOT;
}

enum { NO_NUMBER = -3 }; /* of seconds */

/* The same of a call. Of a lock, in whose second argument -1 stands for any length; of others, in which None does, and whose first
   argument is called "block". */
enum asked asked_of_lock(PyObject *args, PyObject *keywords);
enum asked asked_of_others(PyObject *const *args, Py_ssize_t given, PyObject *keywords);

#endif
