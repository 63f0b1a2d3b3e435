/* function: what `trace` puts in place of a plain function; each call is a span. Knows nothing of spans' uses and of marks.

   It behaves as the function does: it binds like one, is pickled by its qualified name, and has all its attributes. */
#include "function.h"

#include "open.h"
#include "probes.h"

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *wrapped;
    PyObject *name;
    KnownName known;
    PyObject *dict;
    PyObject *weakrefs;
} Function;

static COLD void put_end_of_raised(Buffer *buffer, uint32_t slot)
{
    Pending pending = put_aside();
    PyTypeObject *error = class_of(&pending);
    if (error != NULL)
        put_failed_end(buffer, slot, error);
    put_back(pending);
}

static PyObject *function_call(Function *self, PyObject *const *args, size_t nargsf, PyObject *keywords)
{
    Buffer *buffer = probe_buffer;
    if (buffer == NULL)
        return PyObject_Vectorcall(self->wrapped, args, nargsf, keywords);
    uint64_t session = load_relaxed(&buffer->id);
    uint32_t slot = put_begin(self->name, &self->known);
    if (UNLIKELY(open_followed))
        open_begun(slot, self->name);
    PyObject *result = PyObject_Vectorcall(self->wrapped, args, nargsf, keywords);
    buffer = probe_buffer;
    if (LIKELY(buffer != NULL && load_relaxed(&buffer->id) == session)) {
        if (LIKELY(result != NULL))
            put(buffer, SPAN_END, 0, slot);
        else
            put_end_of_raised(buffer, slot);
        if (UNLIKELY(open_followed))
            open_ended(slot);
    }
    return result;
}

static PyObject *function_get(PyObject *self, PyObject *object, PyObject *type)
{
    (void)type;
    if (object == NULL || object == Py_None) {
        Py_INCREF(self);
        return self;
    }
    return PyMethod_New(self, object);
}

static PyObject *function_getattr(Function *self, PyObject *name)
{
    PyObject *value = PyObject_GenericGetAttr((PyObject *)self, name);
    if (value != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return value;
    PyErr_Clear();
    return PyObject_GetAttr(self->wrapped, name);
}

static PyObject *function_repr(PyObject *self)
{
    PyObject *name = PyObject_GetAttrString(self, "__qualname__");
    if (name == NULL) {
        PyErr_Clear();
        name = PyObject_Str(((Function *)self)->name);
    }
    PyObject *text = name == NULL ? NULL : PyUnicode_FromFormat("<function %S at %p>", name, self);
    Py_XDECREF(name);
    return text;
}

static PyObject *function_reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyObject_GetAttrString(self, "__qualname__");
}

static PyObject *function_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *parameters[] = {"wrapped", "name", NULL};
    PyObject *wrapped, *name;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:function", parameters, &wrapped, &name))
        return NULL;
    Function *self = (Function *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->call = (vectorcallfunc)function_call;
    self->name = name_of(name);
    Py_INCREF(wrapped);
    self->wrapped = wrapped;
    if (self->name == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int function_traverse(Function *self, visitproc visit, void *arg)
{
    Py_VISIT(self->wrapped);
    Py_VISIT(self->dict);
    return 0;
}

/* What is wrapped stays until the end: whoever calls it in a cycle that is taken apart must find it. */
static int function_clear(Function *self)
{
    Py_CLEAR(self->dict);
    return 0;
}

static void function_dealloc(Function *self)
{
    PyObject_GC_UnTrack(self);
    if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs((PyObject *)self);
    Py_CLEAR(self->dict);
    Py_CLEAR(self->wrapped);
    Py_CLEAR(self->name);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef function_methods[] = {
    {"__reduce__", function_reduce, METH_NOARGS, "__reduce__($self)\n--\n\nBy its qualified name."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef function_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject Function_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tracekit._fast.function",
    .tp_doc = "function(wrapped, name)\n--\n\nWhat `trace` puts in place of a plain function: each call is a span.",
    .tp_basicsize = sizeof(Function),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_vectorcall_offset = offsetof(Function, call),
    .tp_dictoffset = offsetof(Function, dict),
    .tp_weaklistoffset = offsetof(Function, weakrefs),
    .tp_call = PyVectorcall_Call,
    .tp_new = function_new,
    .tp_dealloc = (destructor)function_dealloc,
    .tp_traverse = (traverseproc)function_traverse,
    .tp_clear = (inquiry)function_clear,
    .tp_getattro = (getattrofunc)function_getattr,
    .tp_setattro = PyObject_GenericSetAttr,
    .tp_descr_get = function_get,
    .tp_repr = function_repr,
    .tp_methods = function_methods,
    .tp_getset = function_getset,
};
