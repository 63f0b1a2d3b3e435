/* Starts: tasks whose first step runs within the call that makes them, seen where asyncio's Task in C is initialised. Knows
   neither loop nor recorder: whom it tells does (hooks/starts.py).

   Such a task is asked for by name, `Task(..., eager_start=True)`: any other one is let through at once. */
#include "starts.h"

#if PY_VERSION_HEX >= 0x030C0000

static struct {
    initproc own; /* asyncio's; for good, for whoever has ours may have it longer than we watch */
    PyObject *type, *begin, *end;
} watched;

static struct {
    PyObject *eager_start, *init;
} names;

int begin_starts(void)
{
    static const Interned texts[] = {{&names.eager_start, "eager_start"}, {&names.init, "__init__"}, {NULL, NULL}};
    return intern_all(texts);
}

/* What the program raised stays; an interrupt that came up in here reaches it all the same. */
static int end_start(PyObject *end, PyObject *start, PyObject *task, int failed)
{
    Pending pending = put_aside();
    PyObject *ended = PyObject_CallFunctionObjArgs(end, start, failed < 0 ? Py_None : task, NULL);
    Py_XDECREF(ended);
    if (failed == 0)
        return ended == NULL ? -1 : 0;
    swallow();
    put_back(pending);
    return failed;
}

static COLD int init_eager_task(PyObject *task, PyObject *args, PyObject *keywords)
{
    PyObject *begin = Py_NewRef(watched.begin), *end = Py_NewRef(watched.end);
    PyObject *start = PyObject_CallFunctionObjArgs(begin, task, args, keywords, NULL);
    int failed = start == NULL ? -1 : watched.own(task, args, keywords);
    if (start != NULL && start != Py_None)
        failed = end_start(end, start, task, failed);
    Py_XDECREF(start);
    Py_DECREF(end);
    Py_DECREF(begin);
    return failed;
}

static int init_task(PyObject *task, PyObject *args, PyObject *keywords)
{
    PyObject *eager = keywords == NULL ? NULL : PyDict_GetItemWithError(keywords, names.eager_start);
    if (LIKELY(eager == NULL || eager == Py_False || watched.begin == NULL))
        return watched.own(task, args, keywords);
    return init_eager_task(task, args, keywords);
}

/* What `super().__init__` of a subclass calls. */
static void exchange_wrapper(PyTypeObject *type, initproc from, initproc to)
{
    PyObject *attributes = PyType_GetDict(type), *wrapper = PyDict_GetItemWithError(attributes, names.init);
    if (wrapper != NULL && Py_IS_TYPE(wrapper, &PyWrapperDescr_Type) && ((PyWrapperDescrObject *)wrapper)->d_wrapped == (void *)from)
        ((PyWrapperDescrObject *)wrapper)->d_wrapped = (void *)to;
    Py_DECREF(attributes);
}

/* In a class, and in those of its subclasses that have inherited it; -1 with an exception. */
static int exchange(PyTypeObject *type, initproc from, initproc to)
{
    PyObject *subclasses = PyObject_CallMethod((PyObject *)type, "__subclasses__", NULL);
    if (subclasses == NULL)
        return -1;
    int failed = 0;
    for (Py_ssize_t at = 0; at < PyList_GET_SIZE(subclasses) && failed == 0; at++)
        failed = exchange((PyTypeObject *)PyList_GET_ITEM(subclasses, at), from, to);
    Py_DECREF(subclasses);
    exchange_wrapper(type, from, to);
    if (type->tp_init == from)
        type->tp_init = to;
    return failed;
}

static int stop_watching(void)
{
    PyObject *type = watched.type;
    Py_CLEAR(watched.begin);
    Py_CLEAR(watched.end);
    watched.type = NULL;
    int failed = type == NULL ? 0 : exchange((PyTypeObject *)type, init_task, watched.own);
    Py_XDECREF(type);
    return failed;
}

/* Whether it is asyncio's own class, in C: the one that is initialised as ever, or whose subclasses of then still have ours. */
static bool can_be_watched(PyObject *type)
{
    if (!PyType_Check(type) || !PyType_HasFeature((PyTypeObject *)type, Py_TPFLAGS_IMMUTABLETYPE) || !is_called((PyTypeObject *)type, "Task"))
        return false;
    initproc own = ((PyTypeObject *)type)->tp_init;
    return own != NULL && own != init_task && (watched.own == NULL || watched.own == own);
}

static PyObject *watch_starts(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *type, *begin, *end;
    if (!PyArg_ParseTuple(args, "OOO:watch_starts", &type, &begin, &end) || stop_watching() < 0)
        return NULL;
    if (!can_be_watched(type))
        Py_RETURN_FALSE;
    watched.own = ((PyTypeObject *)type)->tp_init;
    watched.type = Py_NewRef(type);
    watched.begin = Py_NewRef(begin);
    watched.end = Py_NewRef(end);
    if (exchange((PyTypeObject *)type, watched.own, init_task) < 0)
        return NULL;
    Py_RETURN_TRUE;
}

PyMethodDef starts_methods[] = {
    {"watch_starts", watch_starts, METH_VARARGS,
     "watch_starts(type, begin, end, /)\n--\n\n"
     "Have `begin` called with task, args and keywords before a task of asyncio's class in C is initialised that asks to be\n"
     "started eagerly; and afterwards, unless that returned None, `end` with what it returned and the task (None: that failed).\n"
     "Returns whether `type` is that class; of any other one nothing is told."},
    {NULL, NULL, 0, NULL},
};

#else

int begin_starts(void)
{
    return 0;
}

PyMethodDef starts_methods[] = {{NULL, NULL, 0, NULL}};

#endif
