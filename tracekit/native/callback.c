/* Callback: what a loop calls that is no step of a task: its name, its code, and when it was due. Knows no queue. */
#include "callback.h"

#include "codes.h"
#include "mark.h"
#include "probes.h"
#include "task.h"

enum { MOST_LAYERS = 20 };

static PyObject *inner_name;

int begin_callbacks(void)
{
    static const Interned texts[] = {{&inner_name, "func"}, {NULL, NULL}};
    return intern_all(texts);
}

/* The function that a callable calls in the end, if that is plain: nothing but its code and its name tells what it is called.
   Takes the reference, gives a new one; NULL without an exception: Python has to be asked. */
static PyObject *plain_function(PyObject *callable)
{
    static PyObject *partial;
    for (int layer = 0; layer < MOST_LAYERS && callable != NULL; layer++) {
        PyObject *inner;
        if (PyFunction_Check(callable)) {
            PyObject *attributes = ((PyFunctionObject *)callable)->func_dict;
            if (attributes == NULL || (PyDict_CheckExact(attributes) && PyDict_GET_SIZE(attributes) == 0))
                return callable;
            inner = NULL;
        } else if (PyMethod_Check(callable)) {
            inner = PyMethod_GET_FUNCTION(callable);
            Py_INCREF(inner);
        } else if (from_package(&partial, "functools", "partial") != NULL && (PyObject *)Py_TYPE(callable) == partial) {
            inner = PyObject_GetAttr(callable, inner_name);
        } else {
            inner = NULL;
        }
        Py_DECREF(callable);
        callable = inner;
    }
    Py_XDECREF(callable);
    return NULL;
}

static int64_t id_of_text(PyObject *text)
{
    return text == Py_None || probe_names == NULL ? 0 : look_up_or_intern(probe_names, text);
}

/* The ids of the code and of the name; 0 for what there is not. -1 with an exception. */
static COLD int ask_python(PyObject *callback, int64_t *code, int64_t *name)
{
    static PyObject *describe;
    if (from_package(&describe, "tracekit.hooks.code", "callback_facts") == NULL)
        return -1;
    PyObject *answer = PyObject_CallFunctionObjArgs(describe, callback, NULL), *code_text, *name_text;
    *code = *name = -1;
    if (answer != NULL && PyArg_ParseTuple(answer, "OU", &code_text, &name_text)) {
        *code = id_of_text(code_text);
        *name = *code < 0 ? -1 : id_of_text(name_text);
        if (code_text == Py_None)
            *code = NOT_KNOWN;
    }
    Py_XDECREF(answer);
    return *name < 0 ? -1 : 0;
}

static int name_callback(PyObject *callback, int64_t *code, int64_t *name)
{
    Py_INCREF(callback);
    PyObject *function = plain_function(callback);
    if (function == NULL)
        return PyErr_Occurred() ? -1 : ask_python(callback, code, name);
    PyObject *called = ((PyFunctionObject *)function)->func_qualname;
    Py_INCREF(called);
    *code = id_of_function(PyFunction_GET_CODE(function), called, true);
    *name = *code < 0 || probe_names == NULL ? *code : known_by_address(probe_names, called);
    if (*name == 0)
        *name = id_of_text(called);
    Py_DECREF(called);
    Py_DECREF(function);
    return *name < 0 ? -1 : 0;
}

/* Add the number of a task that has ended. */
static int add_ended_task(PyObject *given, FewDetails *details)
{
    static PyObject *class_of_tasks;
    uint32_t serial;
    if (from_package(&class_of_tasks, "asyncio.tasks", "Task") == NULL)
        return -1;
    if (!PyType_Check(class_of_tasks) || !PyObject_TypeCheck(given, (PyTypeObject *)class_of_tasks))
        return 0;
    int known = is_done(given);
    if (known > 0)
        known = probe_buffer == NULL ? 0 : serial_of(given, probe_buffer->id, &serial);
    if (known > 0)
        add_one(details, AWAITED_TASK, serial);
    return known < 0 ? -1 : 0;
}

int describe_callback(PyObject *callback, PyObject *given, int64_t due, PyObject *scheduled, CallbackBegin *begin)
{
    int64_t code, name;
    if (name_callback(callback, &code, &name) < 0)
        return -1;
    begin->name = (uint32_t)name;
    begin->details.count = 0;
    if (code >= 0)
        add_one(&begin->details, CODE, (uint64_t)code);
    if (UNLIKELY(scheduled != Py_None)) {
        add_one(&begin->details, SCHEDULED, PyLong_AsUnsignedLongMask(scheduled));
        if (PyErr_Occurred())
            return -1;
    }
    if (due)
        add_one(&begin->details, DUE, (uint64_t)due);
    return given == NULL ? 0 : add_ended_task(given, &begin->details);
}
