/* Method: what a hook has put in place of a method of the program's; in everything else it is as that. Knows neither of them. */
#ifndef TRACEKIT_METHOD_H
#define TRACEKIT_METHOD_H

#include "common.h"

#include <structmember.h>

/* Each kind of method begins with this. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *original, *hook;
    char is_left; /* nobody records by it any more */
} Method;

/* Its type: what a subclass of Method adds is plain data. */
#define METHOD_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR)

/* A new one; NULL with an exception. */
Method *new_method(PyTypeObject *type, vectorcallfunc call, PyObject *original, PyObject *hook);

int method_traverse(Method *self, visitproc visit, void *arg);
void method_dealloc(Method *self);
PyObject *method_getattr(Method *self, PyObject *name);
PyObject *method_get(PyObject *self, PyObject *object, PyObject *type);

extern PyMemberDef method_members[];

#endif
