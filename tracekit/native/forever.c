/* RunForever: the method that runs a loop that keeps its queue to itself. Knows the hook, and nothing of callbacks.

   The twin of the class in hooks/scheduled.py. */
#include "forever.h"

#include "method.h"
#include "ready.h"

__thread LoopRun loop_run;

static struct {
    PyObject *begin, *end;
} names;

int begin_runs(void)
{
    static const Interned texts[] = {{&names.begin, "begin_run"}, {&names.end, "end_run"}, {NULL, NULL}};
    return intern_all(texts);
}

/* Whatever the loop has raised, the hook ends its run. */
static void end_run(Method *self, PyObject *loop, PyObject *queue)
{
    Pending pending = put_aside();
    PyObject *ended = PyObject_CallMethodObjArgs(self->hook, names.end, loop, queue, NULL);
    if (ended == NULL)
        swallow();
    Py_XDECREF(ended);
    put_back(pending);
}

static PyObject *run_loop(Method *self, PyObject *loop, PyObject *queue)
{
    LoopRun around = loop_run;
    loop_run = (LoopRun){loop, queue};
    PyObject *result = PyObject_CallOneArg(self->original, loop);
    loop_run = around;
    end_run(self, loop, queue);
    return result;
}

static PyObject *run_forever_call(Method *self, PyObject *const *args, size_t nargsf, PyObject *keywords)
{
    if (self->is_left || PyVectorcall_NARGS(nargsf) != 1 || keywords != NULL)
        return PyObject_Vectorcall(self->original, args, nargsf, keywords);
    PyObject *loop = Py_NewRef(args[0]), *queue = PyObject_CallMethodOneArg(self->hook, names.begin, loop);
    PyObject *result = queue == NULL           ? NULL
                       : is_ready_queue(queue) ? run_loop(self, loop, queue)
                                               : PyObject_CallOneArg(self->original, loop);
    Py_XDECREF(queue);
    Py_DECREF(loop);
    return result;
}

static PyObject *run_forever_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *parameters[] = {"original", "hook", NULL};
    PyObject *original, *hook;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:RunForever", parameters, &original, &hook))
        return NULL;
    return (PyObject *)new_method(type, (vectorcallfunc)run_forever_call, original, hook);
}

PyTypeObject RunForever_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tracekit._fast.RunForever",
    .tp_doc = "RunForever(original, hook)\n--\n\nThe method that runs a loop.",
    .tp_basicsize = sizeof(Method),
    .tp_flags = METHOD_FLAGS,
    .tp_vectorcall_offset = offsetof(Method, call),
    .tp_call = PyVectorcall_Call,
    .tp_new = run_forever_new,
    .tp_dealloc = (destructor)method_dealloc,
    .tp_traverse = (traverseproc)method_traverse,
    .tp_getattro = (getattrofunc)method_getattr,
    .tp_descr_get = method_get,
    .tp_members = method_members,
};
