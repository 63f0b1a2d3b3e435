/* Marks: instant and counter. Knows nothing of spans. */
#include "marks.h"

#include "probes.h"

static bool is_one(const char *function, Py_ssize_t given)
{
    if (LIKELY(given == 1))
        return true;
    PyErr_Format(PyExc_TypeError, "%s() takes 1 positional argument but %zd were given", function, given);
    return false;
}

static PyObject *instant(PyObject *module, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    (void)module;
    if (UNLIKELY(!is_one("instant", given)))
        return NULL;
    Buffer *buffer = probe_buffer;
    if (buffer != NULL) {
        uint32_t id = keywords == NULL ? known_by_address(probe_names, args[0]) : 0;
        if (LIKELY(id != 0)) {
            put(buffer, INSTANT, id, 0);
            Py_RETURN_NONE;
        }
        PyObject *name = name_of(args[0]);
        if (name == NULL)
            return NULL;
        if (keywords != NULL && PyTuple_GET_SIZE(keywords) == 0)
            keywords = NULL;
        put_named(buffer, probe_names, INSTANT, name, NULL, keywords, args + 1);
        Py_DECREF(name);
    }
    Py_RETURN_NONE;
}

/* Whether `float` takes a value at once, and what it gives. */
static bool is_number(PyObject *value, double *number)
{
    if (PyFloat_CheckExact(value)) {
        *number = PyFloat_AS_DOUBLE(value);
        return true;
    }
    if (!PyLong_CheckExact(value))
        return false;
    *number = PyLong_AsDouble(value);
    if (*number != -1.0 || !PyErr_Occurred())
        return true;
    PyErr_Clear();
    return false;
}

/* Values that may run code of the program, and those that are no numbers, are left to the reference. */
static PyObject *count_in_python(PyObject *const *args, PyObject *keywords)
{
    static PyObject *reference;
    if (from_package(&reference, "tracekit.record.reference", "counter") == NULL) {
        swallow();
        Py_RETURN_NONE;
    }
    return PyObject_Vectorcall(reference, args, 1, keywords);
}

static PyObject *counter(PyObject *module, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    (void)module;
    if (UNLIKELY(!is_one("counter", given)))
        return NULL;
    Buffer *buffer = probe_buffer;
    if (buffer == NULL)
        Py_RETURN_NONE;
    enum { MOST_SERIES = 16 };
    PyObject *values[MOST_SERIES] = {NULL};
    Py_ssize_t count = keywords == NULL ? 0 : PyTuple_GET_SIZE(keywords);
    bool plain = count <= MOST_SERIES;
    double number;
    for (Py_ssize_t at = 0; plain && at < count; at++)
        plain = is_number(args[1 + at], &number) && (values[at] = PyFloat_FromDouble(number)) != NULL;
    PyObject *name = plain ? name_of(args[0]) : NULL;
    if (name != NULL)
        put_named(buffer, probe_names, COUNTER, name, NULL, count ? keywords : NULL, values);
    for (Py_ssize_t at = 0; at < MOST_SERIES && values[at] != NULL; at++)
        Py_DECREF(values[at]);
    if (!plain)
        return count_in_python(args, keywords);
    if (name == NULL)
        return NULL;
    Py_DECREF(name);
    Py_RETURN_NONE;
}

PyMethodDef marks_methods[] = {
    {"instant", (PyCFunction)(void (*)(void))instant, METH_FASTCALL | METH_KEYWORDS,
     "instant(name, /, **arguments)\n--\n\nMark a point in time on this thread (and task)."},
    {"counter", (PyCFunction)(void (*)(void))counter, METH_FASTCALL | METH_KEYWORDS,
     "counter(name, /, **series)\n--\n\nRecord the present value of something that goes up and down."},
    {NULL, NULL, 0, NULL},
};
