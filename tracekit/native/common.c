/* Small tools that every file of the core needs. Knows no noun of tracekit. */
#include "common.h"

#include <stdatomic.h>

void swallow(void)
{
    if (!PyErr_Occurred())
        return;
    if (!PyErr_ExceptionMatches(PyExc_Exception)) {
        Pending pending = put_aside();
        PyThreadState_SetAsyncExc(PyThread_get_thread_ident(), (PyObject *)class_of(&pending));
        put_back(pending);
    }
    PyErr_Clear();
}

uint64_t next_number(void)
{
    static _Atomic uint64_t last;
    return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

PyObject *from_package(PyObject **place, const char *module, const char *name)
{
    if (*place == NULL) {
        PyObject *imported = PyImport_ImportModule(module);
        *place = imported == NULL ? NULL : PyObject_GetAttrString(imported, name);
        Py_XDECREF(imported);
    }
    return *place;
}

static int place_of(PyObject *keyword, const char *const *names, int most)
{
    for (int place = 0; place < most; place++)
        if (PyUnicode_CompareWithASCIIString(keyword, names[place]) == 0)
            return place;
    return -1;
}

int take_arguments(const char *function, PyObject *const *args, Py_ssize_t given, PyObject *keywords,
                   const char *const *names, int most, int needed, PyObject **out)
{
    if (given > most) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most %d arguments (%zd given)", function, most, given);
        return -1;
    }
    bool filled[8] = {false};
    for (Py_ssize_t place = 0; place < given; place++) {
        out[place] = args[place];
        filled[place] = true;
    }
    Py_ssize_t named = keywords == NULL ? 0 : PyTuple_GET_SIZE(keywords);
    for (Py_ssize_t at = 0; at < named; at++) {
        PyObject *keyword = PyTuple_GET_ITEM(keywords, at);
        int place = place_of(keyword, names, most);
        if (place < 0 || filled[place]) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument %R", function, keyword);
            return -1;
        }
        out[place] = args[given + at];
        filled[place] = true;
    }
    for (int place = 0; place < needed; place++) {
        if (!filled[place]) {
            PyErr_Format(PyExc_TypeError, "%s() missing required argument '%s'", function, names[place]);
            return -1;
        }
    }
    return 0;
}
