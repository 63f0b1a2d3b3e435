/* Span: a piece of work with a beginning and an end. Knows nothing of functions and marks, nor how it is entered. */
#include "span.h"

#include "with.h"

static Span *spare[MOST_SPARE + 1];
static int spares;

static Span *new_span(PyObject *name)
{
    PyObject *text = name_of(name);
    if (text == NULL)
        return NULL;
    Span *span;
    if (LIKELY(spares > 0)) {
        span = spare[--spares];
        revive((PyObject *)span);
    } else {
        span = PyObject_GC_New(Span, &Span_Type);
        if (span == NULL) {
            Py_DECREF(text);
            return NULL;
        }
        span->call = (vectorcallfunc)span_call;
    }
    span->name = text;
    span->keys = NULL;
    span->values = NULL;
    span->known.table = 0;
    span->fetched = NULL;
    span->last = NULL;
    span->session = span->order = span->orders = 0;
    span->busy = span->tracked = false;
    return span;
}

/* Hold the arguments until they are recorded. Only an object that may lie in a cycle is shown to the garbage collector. */
static int hold_arguments(Span *span, PyObject *keys, PyObject *const *values)
{
    Py_ssize_t count = PyTuple_GET_SIZE(keys);
    span->values = PyMem_New(PyObject *, count);
    if (span->values == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    bool scalar = true;
    for (Py_ssize_t at = 0; at < count; at++) {
        Py_INCREF(values[at]);
        span->values[at] = values[at];
        scalar = scalar && is_scalar(values[at]);
    }
    Py_INCREF(keys);
    span->keys = keys;
    if (!scalar) {
        span->tracked = true;
        PyObject_GC_Track(span);
    }
    return 0;
}

static PyObject *span_(PyObject *module, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    (void)module;
    if (UNLIKELY(given != 1)) {
        PyErr_Format(PyExc_TypeError, "span() takes 1 positional argument but %zd were given", given);
        return NULL;
    }
    Span *span = new_span(args[0]);
    if (keywords != NULL && span != NULL && PyTuple_GET_SIZE(keywords) && hold_arguments(span, keywords, args + 1) < 0)
        Py_CLEAR(span);
    return (PyObject *)span;
}

static int hold_dict(Span *span, PyObject *arguments)
{
    PyObject *key, *value;
    for (Py_ssize_t at = 0; PyDict_Next(arguments, &at, &key, &value);) {
        if (!PyUnicode_Check(key)) {
            PyErr_Format(PyExc_TypeError, "the arguments of a span have names, not %.100s", Py_TYPE(key)->tp_name);
            return -1;
        }
    }
    PyObject *keys = PyDict_Keys(arguments), *values = PyDict_Values(arguments);
    PyObject *names = keys == NULL ? NULL : PyList_AsTuple(keys), *held = values == NULL ? NULL : PyList_AsTuple(values);
    int failed = names == NULL || held == NULL ? -1 : hold_arguments(span, names, &PyTuple_GET_ITEM(held, 0));
    Py_XDECREF(keys);
    Py_XDECREF(values);
    Py_XDECREF(names);
    Py_XDECREF(held);
    return failed;
}

static PyObject *span_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    (void)type;
    static char *parameters[] = {"name", "arguments", NULL};
    PyObject *name, *arguments = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O:Span", parameters, &name, &arguments))
        return NULL;
    if (arguments != Py_None && !PyDict_Check(arguments)) {
        PyErr_SetString(PyExc_TypeError, "the arguments of a span are a dict");
        return NULL;
    }
    Span *span = new_span(name);
    if (span != NULL && arguments != Py_None && PyDict_GET_SIZE(arguments) && hold_dict(span, arguments) < 0)
        Py_CLEAR(span);
    return (PyObject *)span;
}

static void let_go_of_arguments(Span *span)
{
    PyObject *keys = span->keys, **values = span->values;
    span->keys = NULL;
    span->values = NULL;
    if (keys == NULL)
        return;
    for (Py_ssize_t at = PyTuple_GET_SIZE(keys); at-- > 0;)
        Py_DECREF(values[at]);
    PyMem_Free(values);
    Py_DECREF(keys);
}

static int span_clear(Span *span)
{
    let_go_of_arguments(span);
    return 0;
}

static int span_traverse(Span *span, visitproc visit, void *arg)
{
    if (span->keys != NULL)
        for (Py_ssize_t at = PyTuple_GET_SIZE(span->keys); at-- > 0;)
            Py_VISIT(span->values[at]);
    return 0;
}

static void give_up(Span *span)
{
    Py_DECREF(span->name);
    if (LIKELY(spares < MOST_SPARE))
        spare[spares++] = span;
    else
        PyObject_GC_Del(span);
}

static void span_dealloc(Span *span);

/* One that holds objects may hold the next one of a long chain. */
static COLD void dealloc_deep(PyObject *span)
{
    PyObject_GC_UnTrack(span);
    Py_TRASHCAN_BEGIN(span, span_dealloc)
    let_go_of_arguments((Span *)span);
    give_up((Span *)span);
    Py_TRASHCAN_END
}

static void span_dealloc(Span *span)
{
    if (UNLIKELY(span->last != NULL))
        forget_loose(span);
    if (UNLIKELY(span->tracked)) {
        dealloc_deep((PyObject *)span);
        return;
    }
    if (UNLIKELY(span->keys != NULL))
        let_go_of_arguments(span);
    give_up(span);
}

static PyObject *span_set(Span *span, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    Use *first = span->last;
    if (span->busy || first == NULL)
        return put_set(span->busy ? span->session : 0, span->slot, args, given, keywords);
    while (first->before != NULL)
        first = first->before;
    return put_set(first->session, first->slot, args, given, keywords);
}

static PyObject *span_repr(Span *span)
{
    return repr_of(span->name);
}

static PyObject *span_name(Span *span, void *unused)
{
    (void)unused;
    Py_INCREF(span->name);
    return span->name;
}

static PyMethodDef span_methods[] = {
    {"set", (PyCFunction)(void (*)(void))span_set, METH_FASTCALL | METH_KEYWORDS,
     "set($self, **arguments)\n--\n\n"
     "Add arguments to the span while it is open. Where several uses are, to the first; `as` gives each its own."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef span_getset[] = {
    {"name", (getter)span_name, NULL, "What the span is called.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject Span_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tracekit._fast.Span",
    .tp_doc = "Span(name, arguments=None)\n--\n\n"
              "A piece of work with a beginning and an end; made by `span`, entered with `with`.",
    .tp_basicsize = sizeof(Span),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Span, call),
    .tp_call = PyVectorcall_Call,
    .tp_new = span_new,
    .tp_dealloc = (destructor)span_dealloc,
    .tp_traverse = (traverseproc)span_traverse,
    .tp_clear = (inquiry)span_clear,
    .tp_repr = (reprfunc)span_repr,
    .tp_methods = span_methods,
    .tp_getset = span_getset,
};

PyMethodDef span_methods_of_module[] = {
    {"span", (PyCFunction)(void (*)(void))span_, METH_FASTCALL | METH_KEYWORDS,
     "span(name, /, **arguments)\n--\n\nA span: `with tk.span(\"load\", rows=3) as span: …; span.set(bytes=10)`."},
    {NULL, NULL, 0, NULL},
};

int begin_spans(void)
{
    if (PyType_Ready(&Use_Type) < 0 || PyType_Ready(&Span_Type) < 0)
        return -1;
    return add_with(&Span_Type);
}
