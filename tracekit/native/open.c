/* Open: which spans are open where, for those who ask for the innermost one. Knows no record but its slot.

   "Where" is a context (contextvars): each task, greenlet and thread has one of its own. */
#include "open.h"

/* What is entered and never left must not fill the memory. */
enum { MOST_PLACES = 1 << 16, MOST_SPANS = 1 << 9 };

bool open_followed;

/* Address of a context -> list of a slot and a name, of the next slot and name, …, the innermost last. */
static PyObject *places;

static PyObject *here(void)
{
    PyThreadState *thread = PyThreadState_Get();
    if (UNLIKELY(thread->context == NULL)) { /* the thread gets its context with the first variable */
        PyObject *copy = PyContext_CopyCurrent();
        if (copy == NULL)
            PyErr_Clear();
        Py_XDECREF(copy);
    }
    return PyLong_FromVoidPtr(thread->context != NULL ? (void *)thread->context : (void *)thread);
}

/* What is open at a place, borrowed; NULL without an exception where nothing is. */
static PyObject *spans_at(PyObject *place)
{
    PyObject *spans = PyDict_GetItemWithError(places, place);
    if (spans == NULL && PyErr_Occurred())
        PyErr_Clear();
    return spans;
}

static int add(PyObject *place, PyObject *slot, PyObject *name)
{
    PyObject *spans = spans_at(place);
    if (spans != NULL) {
        if (PyList_GET_SIZE(spans) >= 4 * MOST_SPANS && PyList_SetSlice(spans, 0, 2 * MOST_SPANS, NULL) < 0)
            return -1;
        return PyList_Append(spans, slot) < 0 ? -1 : PyList_Append(spans, name);
    }
    if (PyDict_GET_SIZE(places) > MOST_PLACES)
        PyDict_Clear(places);
    spans = PyList_New(2);
    if (spans == NULL)
        return -1;
    Py_INCREF(slot);
    Py_INCREF(name);
    PyList_SET_ITEM(spans, 0, slot);
    PyList_SET_ITEM(spans, 1, name);
    int failed = PyDict_SetItem(places, place, spans);
    Py_DECREF(spans);
    return failed;
}

COLD void open_begun(uint32_t slot, PyObject *name)
{
    if (places == NULL)
        return;
    Pending pending = put_aside();
    PyObject *place = here(), *number = PyLong_FromUnsignedLong(slot);
    if (place == NULL || number == NULL || add(place, number, name) < 0)
        PyErr_Clear();
    Py_XDECREF(number);
    Py_XDECREF(place);
    put_back(pending);
}

/* Take a span out of those that are open at a place. Whether it was there. */
static bool take_out(PyObject *place, PyObject *spans, uint32_t slot)
{
    for (Py_ssize_t at = PyList_GET_SIZE(spans) - 2; at >= 0; at -= 2) {
        if (PyLong_AsUnsignedLongMask(PyList_GET_ITEM(spans, at)) != slot)
            continue;
        int failed = PyList_GET_SIZE(spans) == 2 ? PyDict_DelItem(places, place) : PyList_SetSlice(spans, at, at + 2, NULL);
        if (failed)
            PyErr_Clear();
        return true;
    }
    return false;
}

/* It has ended elsewhere than it began, as what the garbage collector closes does. */
static void take_out_anywhere(uint32_t slot)
{
    PyObject *place, *spans;
    for (Py_ssize_t at = 0; PyDict_Next(places, &at, &place, &spans);) {
        Py_INCREF(place);
        Py_INCREF(spans);
        bool found = take_out(place, spans, slot);
        Py_DECREF(spans);
        Py_DECREF(place);
        if (found)
            return;
    }
}

COLD void open_ended(uint32_t slot)
{
    if (places == NULL || PyDict_GET_SIZE(places) == 0)
        return;
    Pending pending = put_aside();
    PyObject *place = here();
    PyObject *spans = place == NULL ? NULL : spans_at(place);
    Py_XINCREF(spans);
    if (spans == NULL || !take_out(place, spans, slot))
        take_out_anywhere(slot);
    Py_XDECREF(spans);
    Py_XDECREF(place);
    PyErr_Clear();
    put_back(pending);
}

static PyObject *begun(PyObject *module, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    (void)module;
    if (LIKELY(!open_followed))
        Py_RETURN_NONE;
    static const char *const parameters[] = {"slot", "name"};
    PyObject *taken[2] = {NULL, NULL};
    if (take_arguments("begun", args, given, keywords, parameters, 2, 2, taken) < 0)
        return NULL;
    unsigned long slot = PyLong_AsUnsignedLongMask(taken[0]);
    if (slot == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    open_begun((uint32_t)slot, taken[1]);
    Py_RETURN_NONE;
}

static PyObject *ended(PyObject *module, PyObject *slot)
{
    (void)module;
    if (LIKELY(!open_followed))
        Py_RETURN_NONE;
    unsigned long number = PyLong_AsUnsignedLongMask(slot);
    if (number == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    open_ended((uint32_t)number);
    Py_RETURN_NONE;
}

static PyObject *innermost(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyObject *place = places == NULL ? NULL : here();
    PyObject *spans = place == NULL ? NULL : spans_at(place);
    PyObject *name = spans == NULL ? Py_None : PyList_GET_ITEM(spans, PyList_GET_SIZE(spans) - 1);
    Py_INCREF(name);
    Py_XDECREF(place);
    PyErr_Clear();
    return name;
}

static PyObject *follow(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (places == NULL && (places = PyDict_New()) == NULL)
        return NULL;
    open_followed = true;
    Py_RETURN_NONE;
}

static PyObject *forget(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (places != NULL)
        PyDict_Clear(places);
    Py_RETURN_NONE;
}

PyMethodDef open_methods[] = {
    {"begun", (PyCFunction)(void (*)(void))begun, METH_FASTCALL | METH_KEYWORDS,
     "begun(slot, name)\n--\n\nA span begins, or goes on, here; its begin stands at `slot`."},
    {"ended", ended, METH_O, "ended(slot)\n--\n\nThat span has ended, or is suspended."},
    {"innermost", innermost, METH_NOARGS,
     "innermost()\n--\n\nThe name of the innermost span that is open here; None where none is."},
    {"follow", follow, METH_NOARGS, "follow()\n--\n\nKeep account of open spans from now on, in this process."},
    {"forget", forget, METH_NOARGS,
     "forget()\n--\n\nAnother recording begins, or none: what was open is of no interest any more."},
    {NULL, NULL, 0, NULL},
};
