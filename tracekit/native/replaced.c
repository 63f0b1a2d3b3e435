/* Replaced: methods that are written in C, whose function is another one for a while. Knows none of them. */
#include "replaced.h"

#include <unistd.h>

/* What the class says of its method; NULL with an exception. */
static PyMethodDef *method_in(PyTypeObject *type, const char *name)
{
    PyObject *method = PyObject_GetAttrString((PyObject *)type, name);
    if (method == NULL)
        return NULL;
    bool is_own = Py_IS_TYPE(method, &PyMethodDescr_Type) && PyDescr_TYPE(method) == type;
    Py_DECREF(method); /* the class has it */
    if (is_own)
        return ((PyMethodDescrObject *)method)->d_method;
    PyErr_Format(PyExc_TypeError, "%s.%s is not what it was", type->tp_name, name);
    return NULL;
}

/* Whether memory can be written to, which is asked by writing what is there. */
static bool is_writable(void *place, size_t size)
{
    int ends[2];
    if (pipe(ends) < 0)
        return false;
    bool can = write(ends[1], place, size) == (ssize_t)size && read(ends[0], place, size) == (ssize_t)size;
    close(ends[0]);
    close(ends[1]);
    return can;
}

static int check(PyTypeObject *type, const Replacement *replacement)
{
    PyMethodDef *method = method_in(type, replacement->name);
    if (method == NULL)
        return -1;
    PyCFunction known = *replacement->original;
    if (method->ml_flags != replacement->flags || (known != NULL && method->ml_meth != known) ||
        !is_writable(&method->ml_meth, sizeof method->ml_meth)) {
        PyErr_Format(PyExc_TypeError, "%s.%s is not what it was", type->tp_name, replacement->name);
        return -1;
    }
    *replacement->original = method->ml_meth;
    return 0;
}

int replace_in(Replaced *replaced, PyTypeObject *type)
{
    if (replaced->type != NULL)
        return 0;
    for (const Replacement *each = replaced->methods; each->name != NULL; each++)
        if (check(type, each) < 0)
            return -1;
    for (const Replacement *each = replaced->methods; each->name != NULL; each++)
        method_in(type, each->name)->ml_meth = each->ours;
    Py_INCREF(replaced->type = type);
    replaced->original = type->tp_dealloc;
    type->tp_dealloc = replaced->ours;
    return 0;
}

void put_back_in(Replaced *replaced)
{
    PyTypeObject *type = replaced->type;
    if (type == NULL)
        return;
    for (const Replacement *each = replaced->methods; each->name != NULL; each++) {
        PyMethodDef *method = method_in(type, each->name);
        if (method != NULL && method->ml_meth == each->ours)
            method->ml_meth = *each->original;
    }
    PyErr_Clear();
    if (type->tp_dealloc == replaced->ours)
        type->tp_dealloc = replaced->original;
    Py_CLEAR(replaced->type);
}
