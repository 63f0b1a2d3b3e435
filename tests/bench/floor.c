/* The floor: C objects that do nothing, as cheaply as CPython lets anything be called. Knows nothing of tracekit.

   manager           a context manager; its __enter__ and __exit__ need no bound method
   give(name, **kw)  returns the manager: the floor of `with span("x")`
   call(name, **kw)  the floor of an instant and of a counter
   forward(function) calls the function and does nothing else: the floor of @trace */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *function;
} Callable;

static PyObject *manager;

/* A descriptor that answers with the object itself: the VM then calls the object, and makes no bound method. */
static PyObject *itself(PyObject *descriptor, PyObject *object, PyObject *type) {
    (void)type;
    return Py_NewRef(object ? object : descriptor);
}

static PyTypeObject ItselfType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "_floor.Itself",
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_descr_get = itself,
};

static PyObject *do_nothing(PyObject *self, PyObject *const *args, size_t nargs, PyObject *names) {
    (void)self, (void)args, (void)nargs, (void)names;
    Py_RETURN_NONE;
}

static PyTypeObject ManagerType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "_floor.Manager",
    .tp_basicsize = sizeof(Callable),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(Callable, vectorcall),
};

static PyObject *forward_call(PyObject *self, PyObject *const *args, size_t nargs, PyObject *names) {
    return PyObject_Vectorcall(((Callable *)self)->function, args, nargs, names);
}

static PyObject *forward_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)kwargs;
    PyObject *function;
    if (!PyArg_ParseTuple(args, "O", &function)) {
        return NULL;
    }
    Callable *self = (Callable *)type->tp_alloc(type, 0);
    if (self) {
        self->vectorcall = forward_call;
        self->function = Py_NewRef(function);
    }
    return (PyObject *)self;
}

static void forward_dealloc(PyObject *self) {
    Py_XDECREF(((Callable *)self)->function);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *forward_bind(PyObject *self, PyObject *object, PyObject *type) {
    (void)type;
    return object ? PyMethod_New(self, object) : Py_NewRef(self);
}

static PyTypeObject ForwardType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "_floor.forward",
    .tp_basicsize = sizeof(Callable),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(Callable, vectorcall),
    .tp_new = forward_new,
    .tp_dealloc = forward_dealloc,
    .tp_descr_get = forward_bind,
};

static PyObject *call(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
    (void)module, (void)args, (void)nargs, (void)names;
    Py_RETURN_NONE;
}

static PyObject *give(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
    (void)module, (void)args, (void)nargs, (void)names;
    return Py_NewRef(manager);
}

static PyMethodDef functions[] = {
    {"call", (PyCFunction)(void (*)(void))call, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"give", (PyCFunction)(void (*)(void))give, METH_FASTCALL | METH_KEYWORDS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "_floor", .m_size = -1, .m_methods = functions};

static int put_itself(const char *name) {
    PyObject *descriptor = PyObject_CallNoArgs((PyObject *)&ItselfType);
    int failed = !descriptor || PyDict_SetItemString(ManagerType.tp_dict, name, descriptor) < 0;
    Py_XDECREF(descriptor);
    return failed;
}

PyMODINIT_FUNC PyInit__floor(void) {
    ItselfType.tp_new = PyType_GenericNew;
    if (PyType_Ready(&ItselfType) < 0 || PyType_Ready(&ManagerType) < 0 || PyType_Ready(&ForwardType) < 0 ||
        put_itself("__enter__") || put_itself("__exit__")) {
        return NULL;
    }
    PyType_Modified(&ManagerType);
    manager = ManagerType.tp_alloc(&ManagerType, 0);
    PyObject *module = PyModule_Create(&definition);
    if (!manager || !module) {
        return NULL;
    }
    ((Callable *)manager)->vectorcall = do_nothing;
    if (PyModule_AddObject(module, "manager", Py_NewRef(manager)) < 0 ||
        PyModule_AddObject(module, "forward", Py_NewRef((PyObject *)&ForwardType)) < 0) {
        return NULL;
    }
    return module;
}
