/* Queue: what a ReadyQueue has beside the deque that it is: what runs on its loop, and for whom it records. Knows no handle. */
#include "queue.h"

Deque deque;
Py_ssize_t place_of_queue;
QueueNames queue_names;

static int learn_deque(void)
{
    PyObject *type = NULL;
    if (from_package(&type, "_collections", "deque") == NULL)
        return -1;
    deque.type = (PyTypeObject *)type; /* held for good */
    deque.append = method_of(deque.type, "append", METH_O);
    deque.appendleft = method_of(deque.type, "appendleft", METH_O);
    deque.popleft = method_of(deque.type, "popleft", METH_NOARGS);
    if (deque.append == NULL || deque.appendleft == NULL || deque.popleft == NULL) {
        PyErr_SetString(PyExc_ImportError, "the methods of a deque are not what they were");
        return -1;
    }
    place_of_queue = (deque.type->tp_basicsize + 7) & ~(Py_ssize_t)7;
    return 0;
}

int learn_queues(void)
{
    static const Interned texts[] = {
        {&queue_names.take_over, "_take_over"},
        {&queue_names.hand_on, "_hand_on"},
        {&queue_names.create, "_create"},
        {&queue_names.schedule, "_schedule_callback"},
        {&queue_names.end_done, "_end_done"},
        {&queue_names.end_long, "_end_long"},
        {&queue_names.end_long_callback, "_end_long_callback"},
        {&queue_names.fail, "fail"},
        {NULL, NULL},
    };
    return intern_all(texts) < 0 ? -1 : learn_deque();
}

int call_method(PyObject *self, PyObject *method, PyObject *argument)
{
    return drop(argument == NULL ? PyObject_CallMethodNoArgs(self, method)
                                 : PyObject_CallMethodOneArg(self, method, argument));
}

int call_numbered(PyObject *self, PyObject *method, PyObject *argument, unsigned long number)
{
    PyObject *serial = PyLong_FromUnsignedLong(number);
    PyObject *result = serial == NULL ? NULL : PyObject_CallMethodObjArgs(self, method, argument, serial, NULL);
    Py_XDECREF(serial);
    return drop(result);
}

COLD int fail_hook(PyObject *hook)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception) || hook == NULL)
        return -1;
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(error, traceback);
    int failed = call_method(hook, queue_names.fail, error);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    return failed;
}

COLD int fail(PyObject *self)
{
    return fail_hook(queue_of(self)->hook);
}

int visit_queue(const Queue *queue, visitproc visit, void *arg)
{
    Py_VISIT(queue->before);
    Py_VISIT(queue->successor);
    Py_VISIT(queue->hook);
    Py_VISIT(queue->scheduled);
    for (unsigned at = 0; at < queue->count; at++)
        Py_VISIT(queue->steps[at].task);
    return 0;
}

void clear_queue(Queue *queue)
{
    Step *steps = queue->steps;
    unsigned count = queue->count;
    queue->steps = NULL;
    queue->count = queue->room = 0;
    for (unsigned at = 0; at < count; at++)
        Py_XDECREF(steps[at].task);
    PyMem_Free(steps);
    Py_CLEAR(queue->before);
    Py_CLEAR(queue->successor);
    Py_CLEAR(queue->hook);
    Py_CLEAR(queue->scheduled);
}
