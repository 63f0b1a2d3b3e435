/* Small tools that every file of the core needs. Knows no noun of tracekit. */
#include "common.h"

#include <frameobject.h>

#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Raises what fell into a probe; runs on the main thread, right after the probe. Takes the exception. */
static int raise_again(void *exception)
{
    PyErr_SetObject((PyObject *)Py_TYPE((PyObject *)exception), exception);
    Py_DECREF((PyObject *)exception);
    return -1;
}

/* Only on the main thread signal handlers run; elsewhere such an exception was set from outside, by its class. */
static void hand_on(PyObject *exception)
{
    if (syscall(SYS_gettid) != getpid()) {
        PyThreadState_SetAsyncExc(PyThread_get_thread_ident(), (PyObject *)Py_TYPE(exception));
        return;
    }
    Py_INCREF(exception);
    if (Py_AddPendingCall(raise_again, exception) < 0)
        Py_DECREF(exception);
}

/* Whether an exception came up in our own files, and not in a signal handler or a finalizer that ran meanwhile. */
static bool is_ours(PyObject *exception)
{
    static PyObject *package;
    PyTracebackObject *last = (PyTracebackObject *)PyException_GetTraceback(exception);
    if (last == NULL)
        return true;
    Py_DECREF(last); /* the exception has it */
    while (last->tb_next != NULL)
        last = last->tb_next;
    if (from_package(&package, "tracekit.spool.core", "PACKAGE") == NULL) {
        PyErr_Clear();
        return true;
    }
    PyCodeObject *code = PyFrame_GetCode(last->tb_frame);
    Py_ssize_t ours = PyUnicode_Tailmatch(code->co_filename, package, 0, PY_SSIZE_T_MAX, -1);
    Py_DECREF(code);
    return ours != 0;
}

void swallow(void)
{
    if (!PyErr_Occurred())
        return;
    PyObject *type, *exception, *traceback;
    PyErr_Fetch(&type, &exception, &traceback);
    PyErr_NormalizeException(&type, &exception, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(exception, traceback);
    if (!PyErr_GivenExceptionMatches(type, PyExc_Exception) || !is_ours(exception))
        hand_on(exception);
    Py_XDECREF(type);
    Py_XDECREF(exception);
    Py_XDECREF(traceback);
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

int intern_all(const Interned *texts)
{
    for (; texts->place != NULL; texts++)
        if ((*texts->place = PyUnicode_InternFromString(texts->text)) == NULL)
            return -1;
    return 0;
}

PyCFunction method_of(PyTypeObject *type, const char *name, int flags)
{
    PyObject *method = PyObject_GetAttrString((PyObject *)type, name);
    PyErr_Clear();
    PyMethodDef *found =
        method != NULL && Py_IS_TYPE(method, &PyMethodDescr_Type) ? ((PyMethodDescrObject *)method)->d_method : NULL;
    Py_XDECREF(method); /* the class has it */
    return found != NULL && found->ml_flags == flags ? found->ml_meth : NULL;
}

int look_up_attribute(PyObject *object, PyObject *name, PyObject **found)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyObject_GetOptionalAttr(object, name, found);
#else
    return _PyObject_LookupAttr(object, name, found);
#endif
}

getter getter_of(PyTypeObject *type, const char *name)
{
    PyObject *attribute = PyObject_GetAttrString((PyObject *)type, name);
    PyErr_Clear();
    PyGetSetDef *found =
        attribute != NULL && Py_IS_TYPE(attribute, &PyGetSetDescr_Type) ? ((PyGetSetDescrObject *)attribute)->d_getset : NULL;
    Py_XDECREF(attribute); /* the class has it */
    return found != NULL && found->closure == NULL ? found->get : NULL;
}

bool is_called(PyTypeObject *type, const char *name)
{
    const char *dot = strrchr(type->tp_name, '.');
    return strcmp(dot == NULL ? type->tp_name : dot + 1, name) == 0;
}

int64_t take_serial(PyObject *number)
{
    if (number == NULL)
        return -1;
    unsigned long serial = PyLong_AsUnsignedLongMask(number);
    Py_DECREF(number);
    return serial == (unsigned long)-1 && PyErr_Occurred() ? -1 : (int64_t)(serial & 0xFFFFFFFF);
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
