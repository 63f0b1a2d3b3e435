/* with: what the VM finds on a span that a `with` enters, and what calling that does. Knows nothing of how a span is made.

   `with span:` makes the VM look `__enter__` and `__exit__` up on the type, and call what their descriptors give. Methods
   would be bound anew each time; here the descriptors give the span itself, or the Use that stands for it: both can be called,
   with no argument to enter and with three to exit. Nothing comes between the look-ups and the first call, so what the
   `__exit__` look-up hands out (`fetched`) is what is entered next. */
#include "with.h"

#include "span.h"

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
} Callable;

#define TYPE_OF_CALLABLE(name)                                                                            \
    PyVarObject_HEAD_INIT(NULL, 0)                                                                        \
    .tp_name = (name),                                                                                    \
    .tp_basicsize = sizeof(Callable),                                                                     \
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,      \
    .tp_vectorcall_offset = offsetof(Callable, call),                                                     \
    .tp_call = PyVectorcall_Call

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

PyObject *span_call(Span *span, PyObject *const *args, size_t nargsf, PyObject *keywords)
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

/* What the VM is given as `__exit__` where the probes are off. */
static PyTypeObject Idle_Type = {TYPE_OF_CALLABLE("tracekit._fast.Idle")};
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

/* It was looked up on the type itself, or on something that is no span. */
static COLD PyObject *get_without_span(PyObject *self, PyObject *object)
{
    if (object == NULL) {
        Py_INCREF(self);
        return self;
    }
    PyErr_Format(PyExc_TypeError, "this belongs to a span, not to a %.100s", Py_TYPE(object)->tp_name);
    return NULL;
}

static PyObject *enter_get(PyObject *self, PyObject *object, PyObject *type)
{
    (void)type;
    if (UNLIKELY(object == NULL || !Py_IS_TYPE(object, &Span_Type)))
        return get_without_span(self, object);
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
    if (UNLIKELY(object == NULL || !Py_IS_TYPE(object, &Span_Type)))
        return get_without_span(self, object);
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

static PyTypeObject Enter_Type = {TYPE_OF_CALLABLE("tracekit._fast.enter"), .tp_descr_get = enter_get};
static Callable enter = {PyObject_HEAD_INIT(&Enter_Type) .call = enter_call};

static PyTypeObject Exit_Type = {TYPE_OF_CALLABLE("tracekit._fast.exit"), .tp_descr_get = exit_get};
static Callable leave = {PyObject_HEAD_INIT(&Exit_Type) .call = exit_call};

int add_with(PyTypeObject *type)
{
    if (PyType_Ready(&Idle_Type) < 0 || PyType_Ready(&Enter_Type) < 0 || PyType_Ready(&Exit_Type) < 0)
        return -1;
    if (PyDict_SetItemString(type->tp_dict, "__enter__", (PyObject *)&enter) < 0 ||
        PyDict_SetItemString(type->tp_dict, "__exit__", (PyObject *)&leave) < 0)
        return -1;
    PyType_Modified(type);
    return 0;
}
