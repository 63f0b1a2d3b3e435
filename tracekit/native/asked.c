/* Asked: whether a call is one that may wait, by its arguments. Knows no method. */
#include "asked.h"

/* Put an argument where it belongs; false: it belongs nowhere. */
static bool place_argument(PyObject *name, PyObject *value, const char *first, PyObject **taken)
{
    int place = PyUnicode_CompareWithASCIIString(name, first) == 0       ? 0
                : PyUnicode_CompareWithASCIIString(name, "timeout") == 0 ? 1
                                                                         : 2;
    if (place == 2 || taken[place] != NULL)
        return false;
    taken[place] = value;
    return true;
}

enum asked asked_of_lock(PyObject *args, PyObject *keywords)
{
    PyObject *taken[2] = {NULL, NULL}, *name, *value;
    Py_ssize_t given = PyTuple_GET_SIZE(args), at = 0;
    if (given > 2)
        return NOT_USUAL;
    for (Py_ssize_t place = 0; place < given; place++)
        taken[place] = PyTuple_GET_ITEM(args, place);
    while (keywords != NULL && PyDict_Next(keywords, &at, &name, &value))
        if (!PyUnicode_Check(name) || !place_argument(name, value, "blocking", taken))
            return NOT_USUAL;
    return asked_for(taken[0], taken[1], false, -1);
}

enum asked asked_of_others(PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    PyObject *taken[2] = {NULL, NULL};
    Py_ssize_t named = keywords == NULL ? 0 : PyTuple_GET_SIZE(keywords);
    if (given > 2)
        return NOT_USUAL;
    for (Py_ssize_t place = 0; place < given; place++)
        taken[place] = args[place];
    for (Py_ssize_t at = 0; at < named; at++)
        if (!place_argument(PyTuple_GET_ITEM(keywords, at), args[given + at], "block", taken))
            return NOT_USUAL;
    return asked_for(taken[0], taken[1], true, NO_NUMBER);
}
