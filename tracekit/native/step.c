/* Step: what runs on a loop, a task's step or a callback, from its begin to its end. Knows tasks by their numbers, and neither
   handles nor why anything runs. */
#include "step.h"

#include "creation.h"
#include "probes.h"
#include "task.h"

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
    return call_method(step->callback, queue_names.end, NULL);
}

static COLD int write_done(PyObject *self, const Step *step)
{
    int plain = is_done_plainly(step->task);
    if (plain < 0)
        return -1;
    if (!plain)
        return call_numbered(self, queue_names.end_done, step->task, step->serial);
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
    return call_numbered(self, queue_names.end_long, step->task, step->serial);
}

/* It is taken off before it is ended: whatever that runs finds the queue as it is afterwards. */
static int end_innermost(PyObject *self)
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

COLD int end_down_to(PyObject *self, unsigned count)
{
    while (queue_of(self)->count > count)
        if (end_innermost(self) < 0)
            return -1;
    return 0;
}

COLD int end_what_is_over(PyObject *self)
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

int end_before(PyObject *self, Place frame)
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

int learn_task(PyObject *self, PyObject *task, bool late, uint32_t *serial)
{
    int64_t loop = take_serial(PyObject_GetAttr(self, queue_names.loop_serial));
    int created = loop < 0 ? -1 : create_task(task, (uint32_t)loop, late, serial);
    if (LIKELY(created != 0))
        return created;
    if (drop(PyObject_CallMethodObjArgs(self, queue_names.create, task, late ? Py_True : Py_False, NULL)) < 0)
        return -1;
    return probe_buffer == NULL ? 0 : serial_of(task, probe_buffer->id, serial);
}

int begin_step(PyObject *self, PyObject *task, Run run)
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

COLD int begin_callback(PyObject *self, PyObject *callback, PyObject *scheduled)
{
    PyObject *running = PyObject_CallMethodObjArgs(self, queue_names.begin_callback, callback, scheduled, NULL);
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
