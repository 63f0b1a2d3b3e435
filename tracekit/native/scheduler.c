/* Scheduler: a method of a loop that takes a callback: it hands on a Scheduled in the callback's place.

   The twin of the class in hooks/scheduled.py. */
#include "scheduler.h"

#include "mark.h"
#include "probes.h"
#include "queue.h"
#include "scheduled.h"
#include "step.h"
#include "task.h"

enum { MOST_ARGUMENTS = 12 };

static struct {
    PyObject *number, *when;
} names;

int begin_schedulers(void)
{
    static const Interned texts[] = {{&names.number, "number_from_elsewhere"}, {&names.when, "when"}, {NULL, NULL}};
    return intern_all(texts);
}

static COLD int learn_from_call(Scheduler *self, PyObject *loop, PyObject *task)
{
    uint32_t serial;
    PyObject *queue = queue_of_loop(self, loop);
    int learned = queue == NULL ? -1 : learn_task(queue, task, false, &serial);
    Py_XDECREF(queue);
    return learned;
}

/* A step is ready, or its task is being created; `future` is the first argument that it will be called with, or NULL. */
static int schedule_step(Scheduler *self, PyObject *loop, PyObject *task, PyObject *callback, PyObject *future)
{
    uint32_t serial = 0;
    int known = serial_of(task, probe_buffer->id, &serial);
    if (UNLIKELY(known <= 0))
        return known < 0 ? -1 : learn_from_call(self, loop, task);
    int cause = future == NULL ? 0 : is_wake_up(callback);
    if (cause > 0)
        cause = future_cause(future);
    if (LIKELY(cause >= 0 && probe_buffer != NULL))
        put(probe_buffer, TASK_READY, (uint32_t)cause, serial);
    return cause;
}

static int schedule_callback(Scheduler *self, PyObject *loop, Scheduled *scheduled)
{
    if (!self->is_threadsafe)
        return 0;
    int64_t number = take_serial(PyObject_CallMethodOneArg(self->method.hook, names.number, loop));
    scheduled->number = number < 0 ? 0 : (unsigned long)number;
    return number < 0 ? -1 : 0;
}

/* What to hand on in place of a callback; NULL: the callback itself. Something of ours may have failed by then. */
static Scheduled *schedule(Scheduler *self, PyObject *loop, PyObject *callback, PyObject *future)
{
    PyObject *task;
    int is_step = task_of(callback, &task);
    Scheduled *scheduled = is_step < 0 ? NULL : new_scheduled(self, loop, callback, is_step > 0);
    int failed = scheduled == NULL ? -1 : 0;
    if (LIKELY(failed == 0))
        failed = is_step > 0 ? schedule_step(self, loop, task, callback, future) : schedule_callback(self, loop, scheduled);
    if (is_step > 0)
        Py_DECREF(task);
    if (UNLIKELY(failed < 0) && fail_hook(self->method.hook) < 0)
        swallow();
    return scheduled;
}

/* A timer's handle knows when it is due. */
static void note_due(Scheduler *self, Scheduled *scheduled, PyObject *handle)
{
    PyObject *method, *when;
    int found = look_up_attribute(handle, names.when, &method);
    if (found == 0)
        return; /* it was due at once */
    when = found < 0 ? NULL : PyObject_CallNoArgs(method);
    double seconds = when == NULL ? -1.0 : PyFloat_AsDouble(when);
    Py_XDECREF(method);
    Py_XDECREF(when);
    if (seconds == -1.0 && PyErr_Occurred()) {
        if (fail_hook(self->method.hook) < 0)
            swallow();
    } else if (seconds > 0 && seconds < 9e9)
        scheduled->due = (int64_t)(seconds * 1e9);
}

static PyObject *scheduler_call(Scheduler *self, PyObject *const *args, size_t nargsf, PyObject *keywords)
{
    Py_ssize_t given = PyVectorcall_NARGS(nargsf), at = 1 + self->before;
    Py_ssize_t all = given + (keywords == NULL ? 0 : PyTuple_GET_SIZE(keywords));
    if (UNLIKELY(probe_buffer == NULL || self->method.is_left || given <= at || all > MOST_ARGUMENTS || !PyCallable_Check(args[at]) ||
                 Py_IS_TYPE(args[at], &Scheduled_Type)))
        return PyObject_Vectorcall(self->method.original, args, nargsf, keywords);
    Scheduled *scheduled = schedule(self, args[0], args[at], given > at + 1 ? args[at + 1] : NULL);
    if (UNLIKELY(scheduled == NULL))
        return PyObject_Vectorcall(self->method.original, args, nargsf, keywords);
    PyObject *handed[MOST_ARGUMENTS + 1];
    memcpy(handed + 1, args, (size_t)all * sizeof *args);
    handed[1 + at] = (PyObject *)scheduled;
    PyObject *handle = PyObject_Vectorcall(self->method.original, handed + 1, (size_t)given | PY_VECTORCALL_ARGUMENTS_OFFSET, keywords);
    if (self->is_timed && handle != NULL)
        note_due(self, scheduled, handle);
    Py_DECREF(scheduled);
    return handle;
}

static PyObject *scheduler_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *parameters[] = {"original", "hook", "before", "is_threadsafe", "is_timed", NULL};
    PyObject *original, *hook;
    Py_ssize_t before = 0;
    int is_threadsafe = 0, is_timed = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|npp:Scheduler", parameters, &original, &hook, &before, &is_threadsafe,
                                     &is_timed))
        return NULL;
    Scheduler *self = (Scheduler *)new_method(type, (vectorcallfunc)scheduler_call, original, hook);
    if (self == NULL)
        return NULL;
    self->before = before;
    self->is_threadsafe = is_threadsafe;
    self->is_timed = is_timed;
    return (PyObject *)self;
}

PyTypeObject Scheduler_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tracekit._fast.Scheduler",
    .tp_doc = "Scheduler(original, hook, before=0, is_threadsafe=False, is_timed=False)\n--\n\nA method that takes a callback.",
    .tp_basicsize = sizeof(Scheduler),
    .tp_flags = METHOD_FLAGS,
    .tp_vectorcall_offset = offsetof(Method, call),
    .tp_call = PyVectorcall_Call,
    .tp_new = scheduler_new,
    .tp_dealloc = (destructor)method_dealloc,
    .tp_traverse = (traverseproc)method_traverse,
    .tp_getattro = (getattrofunc)method_getattr,
    .tp_descr_get = method_get,
    .tp_members = method_members,
};
