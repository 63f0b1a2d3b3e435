/* Method: what a hook has put in place of a method of the program's. It binds as a function does. */
#include "method.h"

Method *new_method(PyTypeObject *type, vectorcallfunc call, PyObject *original, PyObject *hook)
{
    Method *self = (Method *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->call = call;
    self->original = Py_NewRef(original);
    self->hook = Py_NewRef(hook);
    return self;
}

int method_traverse(Method *self, visitproc visit, void *arg)
{
    Py_VISIT(self->original);
    Py_VISIT(self->hook);
    return 0;
}

/* What it needs to be called stays until the end. There is no cycle then: the hook has let go of it as it was removed. */
void method_dealloc(Method *self)
{
    PyObject_GC_UnTrack(self);
    Py_CLEAR(self->original);
    Py_CLEAR(self->hook);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

PyObject *method_getattr(Method *self, PyObject *name)
{
    PyObject *value = PyObject_GenericGetAttr((PyObject *)self, name);
    if (value != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return value;
    PyErr_Clear();
    return PyObject_GetAttr(self->original, name);
}

PyObject *method_get(PyObject *self, PyObject *object, PyObject *type)
{
    (void)type;
    if (object == NULL || object == Py_None)
        return Py_NewRef(self);
    return PyMethod_New(self, object);
}

PyMemberDef method_members[] = {
    {"__wrapped__", T_OBJECT_EX, offsetof(Method, original), READONLY, "The method that it stands for."},
    {"is_left", T_BOOL, offsetof(Method, is_left), 0, "Nobody records by it any more."},
    {NULL, 0, 0, 0, NULL},
};
