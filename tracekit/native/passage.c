/* passage: what a queue records of the handles that pass through it. Knows tasks by their numbers, and nothing of the queue's
   type.

   No callback may be lost or run twice, whatever fails in here. */
#include "passage.h"

#include "awaits.h"
#include "handle.h"
#include "mark.h"
#include "probes.h"
#include "step.h"
#include "task.h"

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

static int begin_timed_callback(PyObject *self, PyObject *callback, PyObject *handle, PyObject *scheduled)
{
    int64_t due = due_time(handle);
    PyObject *args = field_at_once(handle, HANDLE_ARGS), *given = NULL;
    if (LIKELY(args != NULL && PyTuple_CheckExact(args) && PyTuple_GET_SIZE(args) == 1))
        given = PyTuple_GET_ITEM(args, 0);
    Py_XINCREF(given);
    int failed = due < 0 ? -1 : begin_callback(self, callback, given, due, scheduled);
    Py_XDECREF(given);
    return failed;
}

static int begin_callback_or_step(PyObject *self, PyObject *handle, PyObject *scheduled)
{
    PyObject *callback = handle_field(handle, HANDLE_CALLBACK), *task = NULL;
    int failed = callback == NULL ? -1 : task_of(callback, &task);
    if (LIKELY(failed > 0))
        failed = begin_step(self, task, queue_of(self)->run);
    else if (failed == 0)
        failed = begin_timed_callback(self, callback, handle, scheduled);
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
    if (LIKELY(before != NULL && Py_IS_TYPE(before, deque.type) && Py_SIZE(before) == 0))
        return 0;
    return call_method(self, queue_names.take_over, NULL);
}

/* The task of a handle that is sure to be a step, and to be run; borrowed. NULL: it has to be asked. */
static inline PyObject *task_to_run(PyObject *handle)
{
    PyObject *callback = field_at_once(handle, HANDLE_CALLBACK);
    if (UNLIKELY(callback == NULL || field_at_once(handle, HANDLE_CANCELLED) != Py_False))
        return NULL;
    return task_at_once(callback);
}

/* Whether it can be told without a call of Python that a step's task has not ended, and what it waits for. */
static inline bool stands_at_once(const Step *step, FewDetails *details)
{
    if (step->yields)
        return true;
    if (!is_pending_at_once(step->task))
        return false;
    if (LIKELY(add_awaits(step->task, false, details) == 0))
        return true;
    PyErr_Clear();
    return false;
}

/* What happens most, and without a call of Python: a step ends whose task has not, and one of a known task begins, all at one
   moment. False: nothing has been done. */
static inline bool turn(Queue *queue, PyObject *handle, Place frame)
{
    Buffer *buffer = probe_buffer;
    Step *step = queue->steps;
    if (UNLIKELY(queue->count != 1 || queue->left || buffer == NULL || step->run.frame != frame || step->task == NULL ||
                 step->session != buffer->id || queue->scheduled == NULL || PyDict_GET_SIZE(queue->scheduled)))
        return false;
    PyObject *task = task_to_run(handle), *before = step->task;
    uint32_t serial;
    FewDetails details;
    details.count = 0;
    if (UNLIKELY(task == NULL || !serial_at_once(task, step->session, &serial) || !stands_at_once(step, &details)))
        return false;
    size_t index, size = size_with(&details);
    uint64_t now;
    if (UNLIKELY(!has_room(buffer, size + 2)))
        return false;
    claim(buffer, size + 2, &index, &now);
    if (UNLIKELY(is_long(queue, buffer, now - step->began))) {
        mine.next = index;
        return false;
    }
    store_details(index, &details);
    store_record(index, now, word_of(STEP_END, 0, step->serial));
    Py_INCREF(task);
    step->task = task;
    step->began = now;
    step->serial = serial;
    step->yields = false;
    commit(buffer, index + size, now, word_of(STEP_BEGIN, 0, serial));
    Py_DECREF(before);
    return true;
}

/* The loop begins to run what is ready. */
static void put_turn(Queue *queue)
{
    if (queue->asked != queue->told)
        put(probe_buffer, LOOP_TURN, 0, (uint32_t)(queue->told = queue->asked));
    queue->asked = 0;
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
    if (queue->asked)
        put_turn(queue);
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
        drop(deque.appendleft(self, handle));
    else
        drop(PyObject_CallMethod(successor, "appendleft", "O", handle));
    PyErr_Clear();
    Py_DECREF(handle);
    put_back(pending);
    return NULL;
}

PyObject *queue_popleft(PyObject *self, PyObject *unused)
{
    if (UNLIKELY(take_over(self) < 0))
        return NULL;
    PyObject *handle = deque.popleft(self, unused);
    if (handle != NULL && UNLIKELY(pass(self, handle) < 0) && fail(self) < 0)
        return put_handle_back(self, handle);
    return handle;
}

static int schedule_callback(PyObject *self, PyObject *handle)
{
    if (queue_of(self)->count && queue_of(self)->steps[0].thread == &mine) /* it is called by what runs on the loop */
        return 0;
    int elsewhere = handle_is_of_another_thread(handle);
    return elsewhere <= 0 ? elsewhere : call_method(self, queue_names.schedule, handle);
}

static int schedule_step(PyObject *self, PyObject *task, PyObject *callback, PyObject *handle)
{
    uint32_t serial = 0;
    int known = serial_of(task, probe_buffer->id, &serial);
    if (UNLIKELY(known <= 0))
        return known < 0 ? -1 : learn_task(self, task, false, &serial);
    Queue *queue = queue_of(self);
    if (LIKELY(Py_TYPE(callback) == known_tasks.step)) {
        if (LIKELY(queue->count && queue->steps[queue->count - 1].task == task))
            queue->steps[queue->count - 1].yields = Py_TYPE(task) == known_tasks.task;
        put(probe_buffer, TASK_READY, 0, serial);
        return 0;
    }
    int cause = ready_cause(callback, handle);
    if (LIKELY(cause >= 0 && probe_buffer != NULL))
        put(probe_buffer, TASK_READY, (uint32_t)cause, serial);
    return cause;
}

static int schedule(PyObject *self, PyObject *handle)
{
    PyObject *callback = handle_field(handle, HANDLE_CALLBACK), *task = NULL;
    int is_step = callback == NULL ? -1 : task_of(callback, &task);
    if (is_step > 0)
        is_step = schedule_step(self, task, callback, handle);
    else if (is_step == 0)
        is_step = schedule_callback(self, handle);
    Py_XDECREF(task);
    Py_XDECREF(callback);
    return is_step < 0 ? -1 : 0;
}

/* Whatever came up before: the callback is in the queue. */
static COLD PyObject *append_interrupted(PyObject *self, PyObject *handle)
{
    Pending pending = put_aside();
    if (drop(deque.append(self, handle)) < 0 ||
        (queue_of(self)->successor != NULL && queue_of(self)->successor != Py_None && call_method(self, queue_names.hand_on, NULL) < 0))
        PyErr_Clear();
    put_back(pending);
    return NULL;
}

PyObject *queue_append(PyObject *self, PyObject *handle)
{
    if (LIKELY(probe_buffer != NULL && !queue_of(self)->left) && UNLIKELY(schedule(self, handle) < 0) && fail(self) < 0)
        return append_interrupted(self, handle);
    PyObject *done = deque.append(self, handle);
    PyObject *successor = queue_of(self)->successor;
    if (UNLIKELY(successor != NULL && successor != Py_None) && done != NULL && call_method(self, queue_names.hand_on, NULL) < 0)
        Py_CLEAR(done);
    return done;
}

Py_ssize_t queue_length(PyObject *self)
{
    if (UNLIKELY(take_over(self) < 0))
        return -1;
    Queue *queue = queue_of(self);
    if (queue->count && queue->steps[0].thread == &mine && UNLIKELY(end_before(self, place_of_caller()) < 0) && fail(self) < 0)
        return -1;
    if (queue->count == 0)
        queue->asked = Py_SIZE(self);
    return Py_SIZE(self);
}
