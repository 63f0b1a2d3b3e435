/* ReadyQueue: an event loop's queue of callbacks, which records what passes through. Knows no callback and no record, and leaves
   to Python whatever happens once in a task's life, or seldom (hooks/loop_queue.py, whose class is a subclass of this one).

   The twin of hooks/ready.py. */
#include "ready.h"

#include "clock.h"
#include "passage.h"
#include "probes.h"
#include "step.h"

#include <structmember.h>

static const uint64_t LONGEST_NS = UINT64_C(1) << 60; /* as many ticks are still a number */

static PyObject *queue_end_all(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (end_down_to(self, 0) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *queue_end_over(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (end_what_is_over(self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *queue_begin_current(PyObject *self, PyObject *task)
{
    Run run;
    run.frame = place_of_function("_run_once", &run.code);
    if (probe_buffer != NULL && run.frame != NULL && begin_step(self, task, run) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *queue_threshold(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(queue_of(self)->threshold);
}

static int queue_set_threshold(PyObject *self, PyObject *value, void *unused)
{
    (void)unused;
    unsigned long long threshold = value == NULL ? 0 : PyLong_AsUnsignedLongLong(value);
    if (PyErr_Occurred())
        return -1;
    queue_of(self)->threshold = threshold < LONGEST_NS ? threshold : LONGEST_NS;
    queue_of(self)->limit = ticks_in(queue_of(self)->threshold);
    learn_frames();
    return 0;
}

static int queue_traverse(PyObject *self, visitproc visit, void *arg)
{
    if (!PyType_HasFeature(deque.type, Py_TPFLAGS_HEAPTYPE)) /* else its own does */
        Py_VISIT(Py_TYPE(self));
    int stopped = visit_queue(queue_of(self), visit, arg);
    return stopped ? stopped : deque.type->tp_traverse(self, visit, arg);
}

static int queue_clear(PyObject *self)
{
    clear_queue(queue_of(self));
    return deque.type->tp_clear(self);
}

static void queue_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    clear_queue(queue_of(self));
    deque.type->tp_dealloc(self);
    if (!PyType_HasFeature(deque.type, Py_TPFLAGS_HEAPTYPE)) /* else its own does */
        Py_DECREF(type);
}

/* Before 3.11 a deque that is asked whether it holds anything does not ask for its length. */
static int queue_holds_any(PyObject *self)
{
    Py_ssize_t length = queue_length(self);
    return length < 0 ? -1 : length > 0;
}

static PyObject *queue_init_subclass(PyObject *type, PyObject *args, PyObject *keywords);

static PyMethodDef queue_methods[] = {
    {"append", queue_append, METH_O,
     "append($self, handle, /)\n--\n\nSomebody schedules a callback, on whatever thread."},
    {"popleft", queue_popleft, METH_NOARGS, "popleft($self, /)\n--\n\nThe loop is about to run its next callback."},
    {"__init_subclass__", (PyCFunction)(void (*)(void))queue_init_subclass, METH_CLASS | METH_VARARGS | METH_KEYWORDS, NULL},
    {"end_all", queue_end_all, METH_NOARGS, "end_all($self)\n--\n\nThe loop's run is over, and so is whatever ran."},
    {"end_over", queue_end_over, METH_NOARGS,
     "end_over($self)\n--\n\nWhat was begun by runs of the loop that are over has ended."},
    {"begin_current", queue_begin_current, METH_O,
     "begin_current($self, task, /)\n--\n\nThe step of a task runs that was there before."},
    {NULL, NULL, 0, NULL},
};

/* The interpreter has a short way to the methods of a class written in C, but not from its subclasses: so these get methods
   of their own that do the same. */
static PyObject *queue_init_subclass(PyObject *type, PyObject *args, PyObject *keywords)
{
    (void)args, (void)keywords;
    for (PyMethodDef *method = queue_methods; method->ml_meth != (PyCFunction)(void (*)(void))queue_init_subclass; method++) {
        PyObject *own = PyDescr_NewMethod((PyTypeObject *)type, method);
        int failed = own == NULL ? -1 : PyObject_SetAttrString(type, method->ml_name, own);
        Py_XDECREF(own);
        if (failed < 0)
            return NULL;
    }
    Py_RETURN_NONE;
}

static PyGetSetDef queue_getset[] = {
    {"_threshold", queue_threshold, queue_set_threshold, "ns", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef queue_members[] = {
    {"_before", T_OBJECT, offsetof(Queue, before), 0, NULL},
    {"_successor", T_OBJECT, offsetof(Queue, successor), 0, NULL},
    {"_hook", T_OBJECT, offsetof(Queue, hook), 0, NULL},
    {"_scheduled", T_OBJECT, offsetof(Queue, scheduled), 0, NULL},
    {"loop_serial", T_ULONG, offsetof(Queue, loop_serial), 0, "The number of the loop in this recording."},
    {"_told", T_PYSSIZET, offsetof(Queue, told), 0, NULL},
    {"is_left", T_BOOL, offsetof(Queue, left), 0, "Whether nobody records by this queue any more."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot queue_slots[] = {
    {Py_tp_doc, "ReadyQueue()\n--\n\nThe queue of one loop."},
    {Py_tp_methods, queue_methods},
    {Py_tp_getset, queue_getset},
    {Py_tp_members, queue_members},
    {Py_sq_length, queue_length},
    {Py_nb_bool, queue_holds_any},
    {Py_tp_traverse, queue_traverse},
    {Py_tp_clear, queue_clear},
    {Py_tp_dealloc, queue_dealloc},
    {0, NULL},
};

static PyTypeObject *ready_queue;

bool is_ready_queue(PyObject *object)
{
    return PyObject_TypeCheck(object, ready_queue);
}

PyObject *make_ready_queue(void)
{
    if (learn_queues() < 0)
        return NULL;
    if (queue_members[0].offset < place_of_queue)
        for (PyMemberDef *member = queue_members; member->name != NULL; member++)
            member->offset += place_of_queue;
    PyType_Spec spec = {
        .name = "tracekit._fast.ReadyQueue",
        .basicsize = (int)(place_of_queue + (Py_ssize_t)sizeof(Queue)),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
        .slots = queue_slots,
    };
    PyObject *bases = PyTuple_Pack(1, deque.type);
    PyObject *type = bases == NULL ? NULL : PyType_FromSpecWithBases(&spec, bases);
    Py_XDECREF(bases);
    ready_queue = (PyTypeObject *)type;
    return type;
}
