/* Use: one use of a span that is open beside others, and the list of them. Knows a Span as what holds that list. */
#include "use.h"

static Use *spare[MOST_SPARE + 1];
static int spares;

PyObject *repr_of(PyObject *name)
{
    return PyUnicode_FromFormat("<tracekit span %R>", name);
}

PyObject *error_of(PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    static const char *const parameters[] = {"kind", "error", "traceback"};
    PyObject *taken[3];
    if (take_arguments("__exit__", args, given, keywords, parameters, 3, 3, taken) < 0)
        return NULL;
    return taken[1];
}

PyObject *put_set(uint64_t session, uint32_t slot, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    if (given != 0) {
        PyErr_SetString(PyExc_TypeError, "set() takes keyword arguments only");
        return NULL;
    }
    Buffer *buffer = probe_buffer;
    if (buffer != NULL && buffer->id == session && keywords != NULL && PyTuple_GET_SIZE(keywords) > 0) {
        Details details;
        details.count = 0;
        Py_INCREF(buffer);
        Names *names = probe_names;
        Py_INCREF(names);
        add_arguments(&details, names, keywords, args);
        put_with(buffer, SPAN_ARGS, 0, slot, &details, NULL);
        Py_DECREF(names);
        Py_DECREF(buffer);
    }
    Py_RETURN_NONE;
}

static PyObject *use_call(Use *use, PyObject *const *args, size_t nargsf, PyObject *keywords)
{
    PyObject *error = error_of(args, PyVectorcall_NARGS(nargsf), keywords);
    if (error == NULL)
        return NULL;
    if (use->open)
        close_use(use, error);
    else if (use->span != NULL) /* somebody looked `__exit__` up and calls it */
        exit_loose(use->span, error);
    Py_RETURN_NONE;
}

Use *new_use(Span *span)
{
    Use *use;
    if (spares > 0) {
        use = spare[--spares];
        revive((PyObject *)use);
    } else {
        use = PyObject_New(Use, &Use_Type);
        if (use == NULL)
            return NULL;
        use->call = (vectorcallfunc)use_call;
    }
    Py_INCREF(span);
    use->span = span;
    Py_INCREF(span->name);
    use->name = span->name;
    use->before = use->after = NULL;
    use->session = 0;
    use->slot = 0;
    use->open = use->loose = false;
    use->holder = NULL;
    return use;
}

/* It is in the list before its begin is written: what Python does meanwhile comes after it. */
void open_use(Use *use)
{
    Span *span = use->span;
    Py_BEGIN_CRITICAL_SECTION(span);
    use->open = true;
    use->order = ++span->orders;
    use->before = span->last;
    if (span->last != NULL)
        span->last->after = use;
    span->last = use;
    Py_END_CRITICAL_SECTION();
    use->slot = put_begin_of(span, &use->session);
}

static void take_out(Use *use)
{
    Span *span = use->span;
    Py_BEGIN_CRITICAL_SECTION(span);
    if (use->before != NULL)
        use->before->after = use->after;
    if (use->after != NULL)
        use->after->before = use->before;
    if (span->last == use)
        span->last = use->before;
    use->before = use->after = NULL;
    use->open = false;
    Py_END_CRITICAL_SECTION();
    use->span = NULL;
}

void close_use(Use *use, PyObject *error)
{
    Span *span = use->span;
    uint64_t session = use->session;
    uint32_t slot = use->slot;
    bool loose = use->loose;
    take_out(use);
    put_end(session, slot, error);
    Py_DECREF(loose ? (PyObject *)use : (PyObject *)span);
}

/* What the enter and the exit of one loose use share: an int. */
static PyObject *holder_here(void)
{
    static PyObject *holder_of;
    PyObject *frame = (PyObject *)PyEval_GetFrame();
    PyObject *holder = NULL;
    if (frame != NULL && from_package(&holder_of, "tracekit.record.reference", "holder_of") != NULL)
        holder = PyObject_CallFunctionObjArgs(holder_of, frame, NULL);
    swallow();
    return holder != NULL ? holder : PyLong_FromVoidPtr(frame);
}

PyObject *enter_loose(Span *span)
{
    Use *use = new_use(span);
    if (use == NULL)
        return NULL;
    use->holder = holder_here();
    if (use->holder == NULL)
        PyErr_Clear();
    use->thread = PyThread_get_thread_ident();
    use->loose = true;
    Py_INCREF(use); /* the list's */
    open_use(use);
    Py_DECREF(span); /* a loose one does not hold it */
    return (PyObject *)use;
}

static bool same(PyObject *one, PyObject *other)
{
    int equal = one == NULL || other == NULL ? 0 : PyObject_RichCompareBool(one, other, Py_EQ);
    if (equal < 0)
        PyErr_Clear();
    return equal > 0;
}

static Use *loose_before(Use *use)
{
    while (use != NULL && !use->loose)
        use = use->before;
    return use;
}

/* The loose use that the calling frame entered; where it entered none, the latest of this thread, or of all. */
static Use *find_loose(Span *span)
{
    Use *latest = loose_before(span->last);
    if (latest == NULL || loose_before(latest->before) == NULL)
        return latest;
    PyObject *holder = holder_here();
    unsigned long thread = PyThread_get_thread_ident();
    Use *found = NULL;
    latest = loose_before(span->last); /* Python has run */
    for (Use *use = latest; use != NULL; use = loose_before(use->before)) {
        if (same(use->holder, holder)) {
            found = use;
            break;
        }
        if (use->thread == thread && latest->thread != thread)
            latest = use;
    }
    Py_XDECREF(holder);
    return found != NULL ? found : latest;
}

void exit_loose(Span *span, PyObject *error)
{
    Py_INCREF(span);
    Use *use = find_loose(span);
    if (use != NULL) {
        close_use(use, error);
    } else if (span->busy) {
        span->busy = false;
        put_end(span->session, span->slot, error);
    }
    Py_DECREF(span);
}

void forget_loose(Span *span)
{
    Use *use;
    while ((use = span->last) != NULL) {
        take_out(use);
        Py_DECREF(use);
    }
}

static void use_dealloc(Use *use)
{
    Span *span = use->span;
    if (span != NULL) {
        if (span->fetched == (PyObject *)use)
            span->fetched = NULL;
        if (use->open) /* a frame went without leaving the `with` */
            take_out(use);
        Py_DECREF(span);
    }
    Py_CLEAR(use->name);
    Py_CLEAR(use->holder);
    if (spares < MOST_SPARE)
        spare[spares++] = use;
    else
        PyObject_Free(use);
}

static PyObject *use_set(Use *use, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    return put_set(use->session, use->slot, args, given, keywords);
}

static PyObject *use_repr(Use *use)
{
    return repr_of(use->name);
}

static PyObject *use_name(Use *use, void *unused)
{
    (void)unused;
    Py_INCREF(use->name);
    return use->name;
}

static PyMethodDef use_methods[] = {
    {"set", (PyCFunction)(void (*)(void))use_set, METH_FASTCALL | METH_KEYWORDS,
     "set($self, **arguments)\n--\n\nAdd arguments to this use of the span; as Span.set."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef use_getset[] = {
    {"name", (getter)use_name, NULL, "What the span is called.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject Use_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tracekit._fast.Use",
    .tp_doc = "One use of a span.",
    .tp_basicsize = sizeof(Use),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_vectorcall_offset = offsetof(Use, call),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = (destructor)use_dealloc,
    .tp_repr = (reprfunc)use_repr,
    .tp_methods = use_methods,
    .tp_getset = use_getset,
};
