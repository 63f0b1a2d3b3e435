/* Scheduled: a callback on its way through a loop that keeps its queue to itself: it says when it begins and ends.

   The twin of the class in hooks/scheduled.py. In everything else it is as the callback itself. */
#include "scheduled.h"

#include "forever.h"
#include "probes.h"
#include "queue.h"
#include "ready.h"
#include "step.h"
#include "task.h"

static Scheduled *spare[MOST_SPARE + 1];
static int spares;

static struct {
    PyObject *queue, *queue_of;
} names;

int begin_scheduled(void)
{
    static const Interned texts[] = {{&names.queue, "_tracekit_queue"}, {&names.queue_of, "queue_of"}, {NULL, NULL}};
    return intern_all(texts);
}

PyObject *queue_of_loop(Scheduler *by, PyObject *loop)
{
    PyObject *queue;
    if (look_up_attribute(loop, names.queue, &queue) < 0)
        return NULL;
    if (LIKELY(queue != NULL && is_ready_queue(queue) && queue_of(queue)->hook == by->method.hook))
        return queue;
    Py_XDECREF(queue);
    queue = PyObject_CallMethodOneArg(by->method.hook, names.queue_of, loop);
    if (queue != NULL && !is_ready_queue(queue)) {
        PyErr_SetString(PyExc_TypeError, "a loop has another queue than ours");
        Py_CLEAR(queue);
    }
    return queue;
}

/* It begins, and is given this or something else (NULL): how many ran on the loop before, -1 with an exception. */
static int begin(Scheduled *self, PyObject *given, PyObject *queue)
{
    static const Run outside;
    unsigned before = queue_of(queue)->count;
    PyObject *task;
    int is_step = task_of(self->callback, &task);
    if (LIKELY(is_step > 0)) {
        is_step = begin_step(queue, task, outside);
        Py_DECREF(task);
    } else if (is_step == 0) {
        PyObject *number = self->number ? PyLong_FromUnsignedLong(self->number) : Py_NewRef(Py_None);
        is_step = number == NULL ? -1 : begin_callback(queue, self->callback, given, self->due, number);
        Py_XDECREF(number);
    }
    return is_step < 0 ? -1 : (int)before;
}

/* Only an interrupt is left of what failed, and that comes up a moment later: the callback is called in any case. */
static COLD void give_up(PyObject *hook)
{
    if (fail_hook(hook) < 0)
        swallow();
}

/* What runs on this thread is known without a question; a new reference. */
static inline PyObject *queue_of_run(Scheduled *self)
{
    PyObject *queue = loop_run.queue;
    if (UNLIKELY(loop_run.loop != self->loop || queue_of(queue)->hook != self->by->method.hook))
        return queue_of_loop(self->by, self->loop);
    return Py_NewRef(queue);
}

/* What a call began it ends. NULL: nothing has begun. */
static PyObject *begin_call(Scheduled *self, PyObject *given, int *before)
{
    if (UNLIKELY(probe_buffer == NULL || self->by->method.is_left))
        return NULL;
    PyObject *queue = queue_of_run(self);
    *before = queue == NULL ? -1 : begin(self, given, queue);
    if (LIKELY(*before >= 0))
        return queue;
    give_up(self->by->method.hook);
    Py_XDECREF(queue);
    return NULL;
}

static void end_call(Scheduled *self, PyObject *queue, int before)
{
    if (UNLIKELY(end_down_to(queue, (unsigned)before) < 0))
        give_up(self->by->method.hook);
    Py_DECREF(queue);
}

/* A task's first step and those after a bare yield are objects without arguments, which are called in one way only. */
static inline PyObject *call_back(PyObject *callback, PyObject *const *args, size_t nargsf, PyObject *keywords)
{
    static PyObject *nothing;
    if (LIKELY(Py_TYPE(callback) == known_tasks.step && PyVectorcall_NARGS(nargsf) == 0 && keywords == NULL)) {
        if (LIKELY(nothing != NULL || (nothing = PyTuple_New(0)) != NULL))
            return Py_TYPE(callback)->tp_call(callback, nothing, NULL);
        PyErr_Clear();
    }
    return PyObject_Vectorcall(callback, args, nargsf, keywords);
}

static PyObject *scheduled_call(Scheduled *self, PyObject *const *args, size_t nargsf, PyObject *keywords)
{
    int before;
    PyObject *given = PyVectorcall_NARGS(nargsf) == 1 ? args[0] : NULL;
    PyObject *queue = begin_call(self, given, &before);
    PyObject *result = call_back(self->callback, args, nargsf, keywords);
    if (UNLIKELY(queue == NULL))
        return result;
    if (LIKELY(result != NULL)) {
        end_call(self, queue, before);
        return result;
    }
    Pending pending = put_aside();
    end_call(self, queue, before);
    put_back(pending);
    return NULL;
}

Scheduled *new_scheduled(Scheduler *by, PyObject *loop, PyObject *callback, bool is_step)
{
    Scheduled *self;
    if (LIKELY(spares > 0)) {
        self = spare[--spares];
        revive((PyObject *)self);
    } else {
        self = PyObject_GC_New(Scheduled, &Scheduled_Type);
        if (self == NULL)
            return NULL;
        self->call = (vectorcallfunc)scheduled_call;
    }
    Py_INCREF(by);
    Py_INCREF(loop);
    Py_INCREF(callback);
    self->by = by;
    self->loop = loop;
    self->callback = callback;
    self->due = 0;
    self->number = 0;
    self->is_tracked = !is_step;
    if (UNLIKELY(!is_step))
        PyObject_GC_Track(self);
    return self;
}

static int scheduled_traverse(Scheduled *self, visitproc visit, void *arg)
{
    Py_VISIT(self->callback);
    Py_VISIT(self->loop);
    Py_VISIT(self->by);
    return 0;
}

static void scheduled_dealloc(Scheduled *self)
{
    if (UNLIKELY(self->is_tracked))
        PyObject_GC_UnTrack(self);
    Py_CLEAR(self->callback);
    Py_CLEAR(self->loop);
    Py_CLEAR(self->by);
    if (LIKELY(spares < MOST_SPARE))
        spare[spares++] = self;
    else
        PyObject_GC_Del(self);
}

static PyObject *scheduled_getattr(Scheduled *self, PyObject *name)
{
    return PyObject_GetAttr(self->callback, name);
}

static PyObject *scheduled_repr(Scheduled *self)
{
    return PyObject_Repr(self->callback);
}

PyTypeObject Scheduled_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tracekit._fast.Scheduled",
    .tp_doc = "A callback on its way through a loop.",
    .tp_basicsize = sizeof(Scheduled),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_vectorcall_offset = offsetof(Scheduled, call),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = (destructor)scheduled_dealloc,
    .tp_traverse = (traverseproc)scheduled_traverse,
    .tp_getattro = (getattrofunc)scheduled_getattr,
    .tp_repr = (reprfunc)scheduled_repr,
};
