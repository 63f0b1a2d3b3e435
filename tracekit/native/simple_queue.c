/* SimpleQueue: the methods of queue.SimpleQueue, which record who waits for something to be put. */
#include "simple_queue.h"

#include "asked.h"
#include "home.h"
#include "replaced.h"
#include "waits.h"

static const Waited A_QUEUE = {.name = "SimpleQueue"};

static PyCFunction get, put_in, put_in_at_once, size;

static bool is_empty(PyObject *self)
{
    PyObject *number = size(self, NULL);
    bool empty = number != NULL && truth_of(Py_NewRef(number)) == 0;
    Py_XDECREF(number);
    PyErr_Clear();
    return empty;
}

static PyObject *queue_get(PyObject *self, PyTypeObject *class, PyObject *const *args, size_t given, PyObject *keywords)
{
    bool waits = is_home() && is_empty(self) && asked_of_others(args, (Py_ssize_t)given, keywords) == MAY_WAIT;
    Wait wait = {.serial = 0};
    if (waits)
        begin_wait(&wait, self, A_QUEUE);
    PyObject *item = AS_METHOD(get)(self, class, args, given, keywords);
    end_wait(&wait, item != NULL);
    return item;
}

static PyObject *queue_put(PyObject *self, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    if (is_home())
        release_lock(self);
    return AS_FAST_KEYWORDS(put_in)(self, args, given, keywords);
}

static PyObject *queue_put_at_once(PyObject *self, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    if (is_home())
        release_lock(self);
    return AS_FAST_KEYWORDS(put_in_at_once)(self, args, given, keywords);
}

static const Replacement OF_QUEUE[] = {
    {"get", METH_METHOD | METH_FASTCALL | METH_KEYWORDS, AS_FUNCTION(queue_get), &get},
    {"put", METH_FASTCALL | METH_KEYWORDS, AS_FUNCTION(queue_put), &put_in},
    {"put_nowait", METH_FASTCALL | METH_KEYWORDS, AS_FUNCTION(queue_put_at_once), &put_in_at_once},
    {NULL, 0, NULL, NULL},
};

static void queue_dealloc(PyObject *self);

static Replaced in_queue = {.methods = OF_QUEUE, .ours = queue_dealloc};

static void queue_dealloc(PyObject *self)
{
    forget_lock(self);
    in_queue.original(self);
}

int watch_simple_queue(PyTypeObject *type)
{
    size = method_of(type, "qsize", METH_NOARGS);
    if (size == NULL) {
        PyErr_Format(PyExc_TypeError, "%s is not what it was", type->tp_name);
        return -1;
    }
    return replace_in(&in_queue, type);
}

void unwatch_simple_queue(void)
{
    put_back_in(&in_queue);
}
