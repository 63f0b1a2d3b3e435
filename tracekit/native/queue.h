/* Queue: what a ReadyQueue has beside the deque that it is: what runs on its loop, and for whom it records. Knows no handle.

   What happens once in a task's life, or seldom, is asked of its subclass in Python. */
#ifndef TRACEKIT_QUEUE_H
#define TRACEKIT_QUEUE_H

#include "buffer.h"
#include "common.h"
#include "frames.h"

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
    uint64_t session;   /* id of the Buffer that has its beginning */
    uint64_t began;
    uint32_t serial;
    bool yields; /* its next step is scheduled already: so it has not ended, and waits for nothing */
} Step;

/* What lies behind the deque's own fields. `before` is the loop's own queue, and `successor` the one that it has again;
   `scheduled` has the handles that another thread has scheduled. */
typedef struct {
    PyObject *before, *successor, *hook, *scheduled;
    uint64_t threshold; /* ns */
    uint64_t limit;     /* the threshold in ticks of the time stamp counter, as well as it was known then */
    Step *steps;        /* outermost first: a loop may be run within one of its own steps */
    unsigned count, room;
    Run run; /* the last one that popped anything */
    Py_ssize_t asked, told; /* how long it was when that was asked for, while nothing ran, and the last LOOP_TURN; 0: none */
    unsigned long loop_serial;
    bool left;
} Queue;

/* The class that it is a subclass of, and how that one's methods are called in C. */
typedef struct {
    PyTypeObject *type;
    PyCFunction append, appendleft, popleft;
} Deque;

/* What is asked of Python. */
typedef struct {
    PyObject *take_over, *hand_on, *create, *schedule, *end_done, *end_long, *end_long_callback, *fail;
} QueueNames;

extern Deque deque;
extern Py_ssize_t place_of_queue;
extern QueueNames queue_names;

static inline Queue *queue_of(PyObject *self)
{
    return (Queue *)((char *)self + place_of_queue);
}

/* Find out what a deque is; -1 with an exception. */
int learn_queues(void);

int visit_queue(const Queue *queue, visitproc visit, void *arg);
void clear_queue(Queue *queue);

/* Call a method for what it does; `argument` may be NULL. -1 with an exception. */
int call_method(PyObject *self, PyObject *method, PyObject *argument);
int call_numbered(PyObject *self, PyObject *method, PyObject *argument, unsigned long number);

/* Something of ours has failed: the hook goes, and the program goes on. -1: it was an interrupt, which stays. */
int fail(PyObject *self);
int fail_hook(PyObject *hook);

static inline int drop(PyObject *result)
{
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* Time in the buffer's clock: whether it is longer than the threshold. */
static inline bool is_long(Queue *queue, Buffer *buffer, uint64_t time)
{
    if (buffer->source != CLOCK_TSC)
        return time > queue->threshold;
    if (LIKELY(time <= queue->limit))
        return false;
    queue->limit = ticks_in(queue->threshold); /* it is known better by now */
    return time > queue->limit;
}

#endif
