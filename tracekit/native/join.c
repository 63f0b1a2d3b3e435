/* Join: the method by which threads are waited for since 3.13; before, each has a lock of its own for that. */
#include "join.h"

#include "asked.h"
#include "home.h"
#include "replaced.h"
#include "waits.h"

static PyCFunction join, done;

static uint32_t serial_of_thread(PyObject *handle)
{
    PyObject *ident = PyObject_GetAttrString(handle, "ident");
    unsigned long number = ident == NULL ? 0 : PyLong_AsUnsignedLongMask(ident);
    Py_XDECREF(ident);
    PyErr_Clear();
    return number == 0 || probe_buffer == NULL ? 0 : serial_of_ident(number, probe_buffer->id);
}

static bool may_wait(PyObject *args)
{
    Py_ssize_t given = PyTuple_GET_SIZE(args);
    return given <= 1 && asked_for(NULL, given == 0 ? NULL : PyTuple_GET_ITEM(args, 0), true, NO_NUMBER) == MAY_WAIT;
}

static PyObject *handle_join(PyObject *self, PyObject *args)
{
    Wait wait = {.serial = 0};
    if (is_home() && may_wait(args) && truth_of(done(self, NULL)) == 0)
        begin_wait(&wait, self, (Waited){.name = "Thread", .holder = serial_of_thread(self)});
    PyObject *result = join(self, args);
    end_wait(&wait, result != NULL && truth_of(done(self, NULL)) > 0);
    return result;
}

static const Replacement OF_HANDLE[] = {
    {"join", METH_VARARGS, handle_join, &join},
    {NULL, 0, NULL, NULL},
};

static void handle_dealloc(PyObject *self);

static Replaced in_handle = {.methods = OF_HANDLE, .ours = handle_dealloc};

static void handle_dealloc(PyObject *self)
{
    forget_lock(self);
    in_handle.original(self);
}

int watch_join(PyTypeObject *type)
{
    done = method_of(type, "is_done", METH_NOARGS);
    if (done == NULL) {
        PyErr_Format(PyExc_TypeError, "%s is not what it was", type->tp_name);
        return -1;
    }
    return replace_in(&in_handle, type);
}

void unwatch_join(void)
{
    put_back_in(&in_handle);
}
