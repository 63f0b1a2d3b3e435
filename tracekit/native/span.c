/* Span: a piece of work with a beginning and an end. Knows nothing of functions and marks.

   `with span:` makes the VM look `__enter__` and `__exit__` up on the type, and call what their descriptors give. Methods
   would be bound anew each time; here the descriptors give the span itself, or the Use that stands for it: both can be called,
   with no argument to enter and with three to exit. Nothing comes between the look-ups and the first call, so what the
   `__exit__` look-up hands out (`fetched`) is what is entered next. */
#include "span.h"

static Span *spare[MOST_SPARE + 1];
static int spares;

/* What the VM is given as `__exit__` where the probes are off. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
} Callable;

#ifdef Py_GIL_DISABLED
/* Another thread may look `__exit__` up at the same moment. What is kept here is held: it may be dropped elsewhere. */
static __thread Span *fetched_of QUICK_TLS;
static __thread PyObject *fetched QUICK_TLS;

static inline void set_fetched(Span *span, PyObject *use)
{
    PyObject *old = fetched;
    Py_XINCREF(use);
    fetched_of = span;
    fetched = use;
    Py_XDECREF(old);
}

/* Borrowed from the VM, which holds it as well; if nobody else does, it was looked up for nothing. */
static inline PyObject *take_fetched(Span *span)
{
    PyObject *use = fetched;
    bool held = use != NULL && fetched_of == span && Py_REFCNT(use) > 1;
    fetched = NULL;
    Py_XDECREF(use);
    return held ? use : NULL;
}
#else
static inline void set_fetched(Span *span, PyObject *use)
{
    span->fetched = use;
}

static inline PyObject *take_fetched(Span *span)
{
    PyObject *use = span->fetched;
    span->fetched = NULL;
    return use;
}
#endif

static COLD PyObject *enter_other(Span *span, PyObject *other)
{
    if (other == NULL)
        return enter_loose(span);
    Py_INCREF(other);
    open_use((Use *)other);
    return other;
}

static inline PyObject *span_enter(Span *span)
{
    PyObject *use = take_fetched(span);
    if (LIKELY(use == (PyObject *)span)) {
        span->busy = true;
        span->order = ++span->orders;
        span->slot = put_begin_of(span, &span->session);
    } else if (use != NULL || probe_buffer != NULL || span->last != NULL || span->busy) {
        return enter_other(span, use);
    }
    Py_INCREF(span);
    return (PyObject *)span;
}

static inline void span_exit(Span *span, PyObject *error)
{
    if (LIKELY(span->busy)) {
        span->busy = false;
        put_end(span->session, span->slot, error);
    } else {
        take_fetched(span);
        exit_loose(span, error);
    }
}

static PyObject *span_call(Span *span, PyObject *const *args, size_t nargsf, PyObject *keywords)
{
    Py_ssize_t given = PyVectorcall_NARGS(nargsf);
    if (LIKELY(keywords == NULL)) {
        if (given == 0)
            return span_enter(span);
        if (LIKELY(given == 3)) {
            span_exit(span, args[1]);
            Py_RETURN_NONE;
        }
    }
    PyObject *error = error_of(args, given, keywords);
    if (error == NULL)
        return NULL;
    span_exit(span, error);
    Py_RETURN_NONE;
}

static PyObject *idle_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *keywords)
{
    (void)self;
    if (error_of(args, PyVectorcall_NARGS(nargsf), keywords) == NULL)
        return NULL;
    Py_RETURN_NONE;
}

static PyTypeObject Idle_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tracekit._fast.Idle",
    .tp_basicsize = sizeof(Callable),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_vectorcall_offset = offsetof(Callable, call),
    .tp_call = PyVectorcall_Call,
};
static Callable idle = {PyObject_HEAD_INIT(&Idle_Type) .call = idle_call};

/* The attribute `__enter__` of the type: called with a span, as an ExitStack does. */
static PyObject *enter_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *keywords)
{
    (void)self;
    if (PyVectorcall_NARGS(nargsf) != 1 || keywords != NULL || !Py_IS_TYPE(args[0], &Span_Type)) {
        PyErr_SetString(PyExc_TypeError, "__enter__() takes a span");
        return NULL;
    }
    Span *span = (Span *)args[0];
    take_fetched(span);
    return span_enter(span);
}

/* The attribute `__exit__` of the type: called with a span and what any `__exit__` takes. */
static PyObject *exit_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *keywords)
{
    (void)self;
    Py_ssize_t given = PyVectorcall_NARGS(nargsf);
    if (given < 1 || !Py_IS_TYPE(args[0], &Span_Type)) {
        PyErr_SetString(PyExc_TypeError, "__exit__() takes a span, and the class, the value and the traceback of an exception");
        return NULL;
    }
    PyObject *error = error_of(args + 1, given - 1, keywords);
    if (error == NULL)
        return NULL;
    exit_loose((Span *)args[0], error);
    Py_RETURN_NONE;
}

static PyObject *refuse(PyObject *object)
{
    PyErr_Format(PyExc_TypeError, "this belongs to a span, not to a %.100s", Py_TYPE(object)->tp_name);
    return NULL;
}

static PyObject *enter_get(PyObject *self, PyObject *object, PyObject *type)
{
    (void)type;
    if (UNLIKELY(object == NULL)) {
        Py_INCREF(self);
        return self;
    }
    if (UNLIKELY(!Py_IS_TYPE(object, &Span_Type)))
        return refuse(object);
#if PY_VERSION_HEX < 0x030E0000 /* from there on `__exit__` is looked up first */
    set_fetched((Span *)object, NULL);
#endif
    Py_INCREF(object);
    return object;
}

static COLD PyObject *fetch_use(Span *span)
{
    Use *use = new_use(span);
    if (use != NULL)
        set_fetched(span, (PyObject *)use);
    return (PyObject *)use;
}

static PyObject *exit_get(PyObject *self, PyObject *object, PyObject *type)
{
    (void)type;
    if (UNLIKELY(object == NULL)) {
        Py_INCREF(self);
        return self;
    }
    if (UNLIKELY(!Py_IS_TYPE(object, &Span_Type)))
        return refuse(object);
    Span *span = (Span *)object;
    if (UNLIKELY(span->last != NULL))
        return fetch_use(span);
    if (probe_buffer == NULL) {
        Py_INCREF(&idle);
        return (PyObject *)&idle;
    }
#ifdef Py_GIL_DISABLED
    return fetch_use(span);
#else
    if (UNLIKELY(span->busy))
        return fetch_use(span);
    set_fetched(span, object);
    Py_INCREF(object);
    return object;
#endif
}

static PyTypeObject Enter_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tracekit._fast.enter",
    .tp_basicsize = sizeof(Callable),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_vectorcall_offset = offsetof(Callable, call),
    .tp_call = PyVectorcall_Call,
    .tp_descr_get = enter_get,
};
static Callable enter = {PyObject_HEAD_INIT(&Enter_Type) .call = enter_call};

static PyTypeObject Exit_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tracekit._fast.exit",
    .tp_basicsize = sizeof(Callable),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_vectorcall_offset = offsetof(Callable, call),
    .tp_call = PyVectorcall_Call,
    .tp_descr_get = exit_get,
};
static Callable leave = {PyObject_HEAD_INIT(&Exit_Type) .call = exit_call};

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
    PyTypeObject *types[] = {&Use_Type, &Idle_Type, &Enter_Type, &Exit_Type, &Span_Type};
    for (size_t at = 0; at < sizeof types / sizeof *types; at++)
        if (PyType_Ready(types[at]) < 0)
            return -1;
    if (PyDict_SetItemString(Span_Type.tp_dict, "__enter__", (PyObject *)&enter) < 0 ||
        PyDict_SetItemString(Span_Type.tp_dict, "__exit__", (PyObject *)&leave) < 0)
        return -1;
    PyType_Modified(&Span_Type);
    return 0;
}
