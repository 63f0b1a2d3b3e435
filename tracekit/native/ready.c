/* ReadyQueue: an event loop's queue of callbacks, which records what passes through. Knows tasks by their numbers, and leaves
   to Python whatever happens once in a task's life, or seldom (hooks/loop_queue.py, whose class is a subclass of this one).

   The twin of hooks/ready.py: no callback may be lost or run twice, whatever fails in here. */
#include "ready.h"

#include "creation.h"
#include "frames.h"
#include "handle.h"
#include "probes.h"
#include "task.h"

#include <structmember.h>

/* A run of the loop: a frame, and what it runs, for another frame may come to lie in the same place. */
typedef struct {
    Place frame;
    const void *code;
} Run;

/* What runs on the loop. */
typedef struct {
    Run run;            /* that began it */
    const void *thread; /* an address that each thread has for itself */
    PyObject *task;     /* NULL: it is a callback */
    PyObject *callback; /* a Running of hooks/tasks.py, or NULL */
    uint64_t session;   /* id of the Buffer that has its beginning */
    uint64_t began;
    uint32_t serial;
} Step;

/* What lies behind the deque's own fields. */
typedef struct {
    PyObject *before, *successor, *hook, *scheduled;
    uint64_t threshold; /* ns */
    uint64_t limit;     /* the threshold in ticks of the time stamp counter, as well as it was known then */
    Step *steps;        /* outermost first: a loop may be run within one of its own steps */
    unsigned count, room;
    Run run; /* the last one that popped anything */
    bool left;
} Queue;

static const uint64_t LONGEST_NS = UINT64_C(1) << 60; /* as many ticks are still a number */

static PyTypeObject *deque;
static Py_ssize_t place_of_queue;

/* The deque's own methods. */
static PyCFunction deque_append, deque_appendleft, deque_popleft;

static struct {
    PyObject *take_over, *hand_on, *create, *schedule, *begin_callback, *end_done, *end_long, *end, *fail, *loop_serial;
} names;

static inline Queue *queue_of(PyObject *self)
{
    return (Queue *)((char *)self + place_of_queue);
}

static int call(PyObject *self, PyObject *method, PyObject *argument)
{
    PyObject *result = argument == NULL ? PyObject_CallMethodNoArgs(self, method)
                                        : PyObject_CallMethodOneArg(self, method, argument);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int call_numbered(PyObject *self, PyObject *method, PyObject *argument, unsigned long number)
{
    PyObject *serial = PyLong_FromUnsignedLong(number);
    PyObject *result = serial == NULL ? NULL : PyObject_CallMethodObjArgs(self, method, argument, serial, NULL);
    Py_XDECREF(serial);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static inline int drop(PyObject *result)
{
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* Something of ours has failed: the hook goes, and the program goes on. -1: it was an interrupt, which stays. */
static COLD int fail(PyObject *self)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception) || queue_of(self)->hook == NULL)
        return -1;
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(error, traceback);
    int failed = call(queue_of(self)->hook, names.fail, error);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    return failed;
}

/* Time in the buffer's clock: whether it is longer than the threshold. */
static bool is_long(Queue *queue, Buffer *buffer, uint64_t time)
{
    if (buffer->source != CLOCK_TSC)
        return time > queue->threshold;
    if (LIKELY(time <= queue->limit))
        return false;
    queue->limit = ticks_in(queue->threshold); /* it is known better by now */
    return time > queue->limit;
}

/* Write the end of a step; false if it was a long one, of which there is more to say. */
static inline bool put_step_end(Queue *queue, Buffer *buffer, const Step *step)
{
    size_t index;
    uint64_t now;
    if (UNLIKELY(!claim(buffer, 2, &index, &now)))
        return true;
    if (UNLIKELY(is_long(queue, buffer, now - step->began))) {
        mine.next = index;
        return false;
    }
    commit(buffer, index, now, word_of(STEP_END, 0, step->serial));
    return true;
}

static COLD int end_callback(const Step *step)
{
    return call(step->callback, names.end, NULL);
}

static COLD int write_done(PyObject *self, const Step *step)
{
    int plain = is_done_plainly(step->task);
    if (plain < 0)
        return -1;
    if (!plain)
        return call_numbered(self, names.end_done, step->task, step->serial);
    if (probe_buffer != NULL && probe_buffer->id == step->session)
        put(probe_buffer, TASK_DONE, OUTCOME_DONE, step->serial);
    return 0;
}

static inline int end_step(PyObject *self, const Step *step)
{
    Buffer *buffer = probe_buffer;
    if (UNLIKELY(step->callback != NULL))
        return end_callback(step);
    if (UNLIKELY(buffer == NULL || buffer->id != step->session))
        return 0;
    int done = is_done(step->task);
    if (UNLIKELY(done != 0)) {
        if (done < 0 || write_done(self, step) < 0)
            return -1;
        buffer = probe_buffer;
        if (buffer == NULL || buffer->id != step->session)
            return 0;
    }
    if (LIKELY(put_step_end(queue_of(self), buffer, step)))
        return 0;
    return call_numbered(self, names.end_long, step->task, step->serial);
}

/* It is taken off before it is ended: whatever that runs finds the queue as it is afterwards. */
static inline int end_innermost(PyObject *self)
{
    Queue *queue = queue_of(self);
    Step step = queue->steps[--queue->count];
    PyObject *held = step.callback == NULL ? step.task : step.callback;
    if (LIKELY(end_step(self, &step) == 0)) {
        Py_DECREF(held);
        return 0;
    }
    Pending pending = put_aside();
    Py_DECREF(held);
    put_back(pending);
    return -1;
}

static COLD int end_down_to(PyObject *self, unsigned count)
{
    while (queue_of(self)->count > count)
        if (end_innermost(self) < 0)
            return -1;
    return 0;
}

/* What was begun by runs of the loop that are over has ended. */
static COLD int end_what_is_over(PyObject *self)
{
    Queue *queue = queue_of(self);
    while (queue->count && !is_on_stack(queue->steps[queue->count - 1].run.frame, queue->steps[queue->count - 1].run.code))
        if (end_innermost(self) < 0)
            return -1;
    return 0;
}

/* What this run of the loop had begun has ended, and what runs within it, too. */
static COLD int end_in(PyObject *self, Place frame)
{
    Queue *queue = queue_of(self);
    for (unsigned at = queue->count; at-- > 0;)
        if (queue->steps[at].run.frame == frame)
            return end_down_to(self, at);
    return end_what_is_over(self);
}

static inline int end_before(PyObject *self, Place frame)
{
    Queue *queue = queue_of(self);
    if (LIKELY(queue->count == 1 && queue->steps[0].run.frame == frame))
        return end_innermost(self);
    return queue->count == 0 ? 0 : end_in(self, frame);
}

static COLD int make_room(Queue *queue)
{
    unsigned room = queue->room ? 2 * queue->room : 2;
    Step *steps = PyMem_Realloc(queue->steps, room * sizeof *steps);
    if (steps == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    queue->steps = steps;
    queue->room = room;
    return 0;
}

/* The next place among what runs; whoever takes it fills it at once. */
static inline Step *new_step(Queue *queue)
{
    if (UNLIKELY(queue->count == queue->room) && make_room(queue) < 0)
        return NULL;
    return queue->steps + queue->count++;
}

static int64_t serial_of_loop(PyObject *self)
{
    PyObject *number = PyObject_GetAttr(self, names.loop_serial);
    unsigned long serial = number == NULL ? 0 : PyLong_AsUnsignedLongMask(number);
    Py_XDECREF(number);
    return PyErr_Occurred() ? -1 : (int64_t)(serial & 0xFFFFFFFF);
}

static int learn_task(PyObject *self, PyObject *task, bool late, uint32_t *serial)
{
    int64_t loop = serial_of_loop(self);
    int created = loop < 0 ? -1 : create_task(task, (uint32_t)loop, late, serial);
    if (LIKELY(created != 0))
        return created;
    if (drop(PyObject_CallMethodObjArgs(self, names.create, task, late ? Py_True : Py_False, NULL)) < 0)
        return -1;
    return probe_buffer == NULL ? 0 : serial_of(task, probe_buffer->id, serial);
}

static inline int begin_step(PyObject *self, PyObject *task, Run run)
{
    uint32_t serial = 0;
    int known = serial_of(task, probe_buffer->id, &serial);
    if (UNLIKELY(known == 0))
        known = learn_task(self, task, true, &serial);
    if (UNLIKELY(known <= 0))
        return known;
    Buffer *buffer = probe_buffer;
    size_t index;
    uint64_t now = 0, session = buffer->id;
    if (LIKELY(claim(buffer, 2, &index, &now)))
        commit(buffer, index, now, word_of(STEP_BEGIN, 0, serial));
    Step *step = new_step(queue_of(self));
    if (step == NULL)
        return -1;
    Py_INCREF(task);
    *step = (Step){run, &mine, task, NULL, session, now, serial};
    return 0;
}

static COLD int begin_callback(PyObject *self, PyObject *callback, PyObject *scheduled)
{
    PyObject *running = PyObject_CallMethodObjArgs(self, names.begin_callback, callback, scheduled, NULL);
    if (running == NULL)
        return -1;
    Step *step = running == Py_None ? NULL : new_step(queue_of(self));
    if (step == NULL) {
        Py_DECREF(running);
        return PyErr_Occurred() ? -1 : 0;
    }
    *step = (Step){.run = queue_of(self)->run, .thread = &mine, .callback = running};
    return 0;
}

/* The number that another thread's callback got when it was scheduled; a new reference. Asked also for a cancelled one: the
   next handle may have the same address. */
static COLD PyObject *take_scheduled(PyObject *scheduled, PyObject *handle)
{
    PyObject *key = PyLong_FromVoidPtr(handle);
    PyObject *serial = key == NULL ? NULL : PyDict_GetItemWithError(scheduled, key);
    Py_XINCREF(serial);
    if (serial != NULL && PyDict_DelItem(scheduled, key) < 0)
        Py_CLEAR(serial);
    Py_XDECREF(key);
    return serial;
}

static int begin_callback_or_step(PyObject *self, PyObject *handle, PyObject *scheduled)
{
    PyObject *callback = handle_field(handle, HANDLE_CALLBACK), *task = NULL;
    int failed = callback == NULL ? -1 : task_of(callback, &task);
    if (LIKELY(failed > 0))
        failed = begin_step(self, task, queue_of(self)->run);
    else if (failed == 0)
        failed = begin_callback(self, callback, scheduled);
    Py_XDECREF(task);
    Py_XDECREF(callback);
    return failed;
}

static int begin(PyObject *self, PyObject *handle)
{
    Queue *queue = queue_of(self);
    PyObject *scheduled = NULL;
    if (UNLIKELY(queue->scheduled != NULL && PyDict_CheckExact(queue->scheduled) && PyDict_GET_SIZE(queue->scheduled))) {
        scheduled = take_scheduled(queue->scheduled, handle);
        if (scheduled == NULL && PyErr_Occurred())
            return -1;
    }
    int cancelled = handle_is_cancelled(handle);
    int failed = cancelled < 0 ? -1 : 0;
    if (LIKELY(cancelled == 0))
        failed = begin_callback_or_step(self, handle, scheduled == NULL ? Py_None : scheduled);
    Py_XDECREF(scheduled);
    return failed;
}

/* Before the loop's own queue was exchanged something may have been scheduled there, and still may be. */
static inline int take_over(PyObject *self)
{
    PyObject *before = queue_of(self)->before;
    if (LIKELY(before != NULL && Py_IS_TYPE(before, deque) && Py_SIZE(before) == 0))
        return 0;
    return call(self, names.take_over, NULL);
}

/* The task of a handle that is sure to be a step, and to be run; borrowed. NULL: it has to be asked. */
static inline PyObject *task_to_run(PyObject *handle)
{
    PyObject *callback = field_at_once(handle, HANDLE_CALLBACK);
    if (UNLIKELY(callback == NULL || field_at_once(handle, HANDLE_CANCELLED) != Py_False))
        return NULL;
    return task_at_once(callback);
}

/* What happens most, and without a call of Python: a step ends whose task has not, and one of a known task begins, all at one
   moment. False: nothing has been done. */
static inline bool turn(Queue *queue, PyObject *handle, Place frame)
{
    Buffer *buffer = probe_buffer;
    Step *step = queue->steps;
    if (UNLIKELY(queue->count != 1 || queue->left || buffer == NULL || step->run.frame != frame || step->callback != NULL ||
                 step->session != buffer->id || queue->scheduled == NULL || PyDict_GET_SIZE(queue->scheduled)))
        return false;
    PyObject *task = task_to_run(handle), *before = step->task;
    uint32_t serial;
    if (UNLIKELY(task == NULL || !serial_at_once(task, step->session, &serial) || !is_pending_at_once(before) ||
                 !has_room(buffer, 4)))
        return false;
    size_t index;
    uint64_t now;
    claim(buffer, 4, &index, &now);
    if (UNLIKELY(is_long(queue, buffer, now - step->began))) {
        mine.next = index;
        return false;
    }
    store_record(index, now, word_of(STEP_END, 0, step->serial));
    Py_INCREF(task);
    step->task = task;
    step->began = now;
    step->serial = serial;
    commit(buffer, index + 2, now, word_of(STEP_BEGIN, 0, serial));
    Py_DECREF(before);
    return true;
}

static inline int pass(PyObject *self, PyObject *handle)
{
    Queue *queue = queue_of(self);
    Place frame = place_of_caller();
    if (LIKELY(turn(queue, handle, frame)))
        return 0;
    if (UNLIKELY(end_before(self, frame) < 0))
        return -1;
    if (UNLIKELY(probe_buffer == NULL || queue->left))
        return 0;
    if (UNLIKELY(queue->run.frame != frame))
        queue->run = (Run){frame, code_of_caller()};
    return begin(self, handle);
}

/* Interrupted: the callback goes back to where it came from. */
static COLD PyObject *put_handle_back(PyObject *self, PyObject *handle)
{
    Pending pending = put_aside();
    PyObject *successor = queue_of(self)->successor;
    if (successor == NULL || successor == Py_None)
        drop(deque_appendleft(self, handle));
    else
        drop(PyObject_CallMethod(successor, "appendleft", "O", handle));
    PyErr_Clear();
    Py_DECREF(handle);
    put_back(pending);
    return NULL;
}

static PyObject *queue_popleft(PyObject *self, PyObject *unused)
{
    if (UNLIKELY(take_over(self) < 0))
        return NULL;
    PyObject *handle = deque_popleft(self, unused);
    if (handle != NULL && UNLIKELY(pass(self, handle) < 0) && fail(self) < 0)
        return put_handle_back(self, handle);
    return handle;
}

static int schedule_callback(PyObject *self, PyObject *handle)
{
    int elsewhere = handle_is_of_another_thread(handle);
    return elsewhere <= 0 ? elsewhere : call(self, names.schedule, handle);
}

static int schedule(PyObject *self, PyObject *handle)
{
    PyObject *callback = handle_field(handle, HANDLE_CALLBACK), *task = NULL;
    int is_step = callback == NULL ? -1 : task_of(callback, &task);
    Py_XDECREF(callback);
    if (UNLIKELY(is_step <= 0))
        return is_step < 0 ? -1 : schedule_callback(self, handle);
    uint32_t serial = 0;
    int known = serial_of(task, probe_buffer->id, &serial);
    if (LIKELY(known > 0))
        put(probe_buffer, TASK_READY, 0, serial);
    else if (known == 0)
        known = learn_task(self, task, false, &serial);
    Py_DECREF(task);
    return known < 0 ? -1 : 0;
}

/* Whatever came up before: the callback is in the queue. */
static COLD PyObject *append_interrupted(PyObject *self, PyObject *handle)
{
    Pending pending = put_aside();
    if (drop(deque_append(self, handle)) < 0 ||
        (queue_of(self)->successor != NULL && queue_of(self)->successor != Py_None && call(self, names.hand_on, NULL) < 0))
        PyErr_Clear();
    put_back(pending);
    return NULL;
}

static PyObject *queue_append(PyObject *self, PyObject *handle)
{
    if (LIKELY(probe_buffer != NULL && !queue_of(self)->left) && UNLIKELY(schedule(self, handle) < 0) && fail(self) < 0)
        return append_interrupted(self, handle);
    PyObject *done = deque_append(self, handle);
    PyObject *successor = queue_of(self)->successor;
    if (UNLIKELY(successor != NULL && successor != Py_None) && done != NULL && call(self, names.hand_on, NULL) < 0)
        Py_CLEAR(done);
    return done;
}

/* Asked by the loop, which has run what it had; or by anybody, perhaps within a step, or on another thread. */
static Py_ssize_t queue_length(PyObject *self)
{
    if (UNLIKELY(take_over(self) < 0))
        return -1;
    Queue *queue = queue_of(self);
    if (queue->count && queue->steps[0].thread == &mine && UNLIKELY(end_before(self, place_of_caller()) < 0) && fail(self) < 0)
        return -1;
    return Py_SIZE(self);
}

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
    Queue *queue = queue_of(self);
    if (!PyType_HasFeature(deque, Py_TPFLAGS_HEAPTYPE)) /* else its own does */
        Py_VISIT(Py_TYPE(self));
    Py_VISIT(queue->before);
    Py_VISIT(queue->successor);
    Py_VISIT(queue->hook);
    Py_VISIT(queue->scheduled);
    for (unsigned at = 0; at < queue->count; at++) {
        Py_VISIT(queue->steps[at].task);
        Py_VISIT(queue->steps[at].callback);
    }
    return deque->tp_traverse(self, visit, arg);
}

static void clear_fields(Queue *queue)
{
    Step *steps = queue->steps;
    unsigned count = queue->count;
    queue->steps = NULL;
    queue->count = queue->room = 0;
    for (unsigned at = 0; at < count; at++) {
        Py_XDECREF(steps[at].task);
        Py_XDECREF(steps[at].callback);
    }
    PyMem_Free(steps);
    Py_CLEAR(queue->before);
    Py_CLEAR(queue->successor);
    Py_CLEAR(queue->hook);
    Py_CLEAR(queue->scheduled);
}

static int queue_clear(PyObject *self)
{
    clear_fields(queue_of(self));
    return deque->tp_clear(self);
}

static void queue_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    clear_fields(queue_of(self));
    deque->tp_dealloc(self);
    if (!PyType_HasFeature(deque, Py_TPFLAGS_HEAPTYPE)) /* else its own does */
        Py_DECREF(type);
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
    {"is_left", T_BOOL, offsetof(Queue, left), 0, "Whether nobody records by this queue any more."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot queue_slots[] = {
    {Py_tp_doc, "ReadyQueue()\n--\n\nThe queue of one loop."},
    {Py_tp_methods, queue_methods},
    {Py_tp_getset, queue_getset},
    {Py_tp_members, queue_members},
    {Py_sq_length, queue_length},
    {Py_tp_traverse, queue_traverse},
    {Py_tp_clear, queue_clear},
    {Py_tp_dealloc, queue_dealloc},
    {0, NULL},
};

/* A method of the deque as it is called in C. */
static PyCFunction method_of_deque(const char *name, int flags)
{
    PyObject *method = PyObject_GetAttrString((PyObject *)deque, name);
    if (method == NULL)
        return NULL;
    PyMethodDef *definition =
        Py_IS_TYPE(method, &PyMethodDescr_Type) ? ((PyMethodDescrObject *)method)->d_method : NULL;
    Py_DECREF(method); /* the class has it, and is held */
    if (definition == NULL || definition->ml_flags != flags) {
        PyErr_Format(PyExc_ImportError, "deque.%s is not what it was", name);
        return NULL;
    }
    return definition->ml_meth;
}

static int learn_deque(void)
{
    PyObject *place = NULL;
    deque = (PyTypeObject *)from_package(&place, "_collections", "deque");
    if (deque == NULL)
        return -1;
    deque_append = method_of_deque("append", METH_O);
    deque_appendleft = deque_append == NULL ? NULL : method_of_deque("appendleft", METH_O);
    deque_popleft = deque_appendleft == NULL ? NULL : method_of_deque("popleft", METH_NOARGS);
    return deque_popleft == NULL ? -1 : 0;
}

static int learn_names(void)
{
    names.take_over = PyUnicode_InternFromString("_take_over");
    names.hand_on = PyUnicode_InternFromString("_hand_on");
    names.create = PyUnicode_InternFromString("_create");
    names.schedule = PyUnicode_InternFromString("_schedule_callback");
    names.begin_callback = PyUnicode_InternFromString("_begin_callback");
    names.end_done = PyUnicode_InternFromString("_end_done");
    names.end_long = PyUnicode_InternFromString("_end_long");
    names.end = PyUnicode_InternFromString("end");
    names.fail = PyUnicode_InternFromString("fail");
    names.loop_serial = PyUnicode_InternFromString("loop_serial");
    return PyErr_Occurred() ? -1 : 0;
}

PyObject *make_ready_queue(void)
{
    if (learn_names() < 0 || learn_deque() < 0)
        return NULL;
    place_of_queue = (deque->tp_basicsize + 7) & ~(Py_ssize_t)7;
    if (queue_members[0].offset < place_of_queue)
        for (PyMemberDef *member = queue_members; member->name != NULL; member++)
            member->offset += place_of_queue;
    PyType_Spec spec = {
        .name = "tracekit._fast.ReadyQueue",
        .basicsize = (int)(place_of_queue + (Py_ssize_t)sizeof(Queue)),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
        .slots = queue_slots,
    };
    PyObject *bases = PyTuple_Pack(1, deque);
    PyObject *type = bases == NULL ? NULL : PyType_FromSpecWithBases(&spec, bases);
    Py_XDECREF(bases);
    return type;
}
