/* Task: what a callback is a step of, and how it has ended. Knows neither queue nor loop.

   The twin of `task_of` and `ready_cause` in hooks/tasks.py. */
#include "task.h"

#include "handle.h"
#include "mark.h"

static struct {
    PyObject *name, *self, *done, *cancelled;
} names;

int begin_tasks(void)
{
    static const Interned texts[] = {
        {&names.name, "__name__"}, {&names.self, "__self__"}, {&names.done, "done"}, {&names.cancelled, "cancelled"},
        {NULL, NULL},
    };
    return intern_all(texts);
}

/* A new reference to `__self__`; -1 with an exception. */
static int self_of(PyObject *callback, PyObject **task)
{
    *task = PyObject_GetAttr(callback, names.self);
    return *task == NULL ? -1 : 1;
}

static COLD int python_task_of(PyObject *method, PyObject **task)
{
    PyObject *name = PyObject_GetAttr(method, names.name);
    if (name == NULL)
        return -1;
    bool is_step = PyUnicode_Check(name) && (PyUnicode_CompareWithASCIIString(name, "__step") == 0 ||
                                             PyUnicode_CompareWithASCIIString(name, "__wakeup") == 0);
    Py_DECREF(name);
    return is_step ? self_of(method, task) : 0;
}

KnownTasks known_tasks;

static PyObject **first_field(PyObject *object)
{
    return (PyObject **)(object + 1);
}

/* What asyncio's tasks in C schedule for each step is an object with the task as its first field: as soon as one has shown
   that it is so, the field is read instead of the attribute. */
static COLD int other_task_of(PyObject *callback, PyObject **task)
{
    PyTypeObject *type = Py_TYPE(callback);
    if (!is_called(type, "TaskStepMethWrapper"))
        return 0;
    if (self_of(callback, task) < 0)
        return -1;
    bool is_simple = type->tp_basicsize >= (Py_ssize_t)(sizeof(PyObject) + sizeof(PyObject *)) && type->tp_dictoffset == 0;
    if (known_tasks.step == NULL && is_simple && *first_field(callback) == *task) {
        Py_INCREF(type);
        known_tasks.step = type;
    }
    return 1;
}

static COLD int builtin_task_of(PyObject *callback, PyObject **task)
{
    PyMethodDef *method = ((PyCFunctionObject *)callback)->m_ml;
    if (strcmp(method->ml_name, "task_wakeup") != 0)
        return 0;
    *task = PyCFunction_GET_SELF(callback);
    Py_XINCREF(*task);
    if (*task != NULL && is_known_task(*task))
        known_tasks.wakeup = method; /* a static one of asyncio's */
    return *task != NULL;
}

int task_of(PyObject *callback, PyObject **task)
{
    *task = task_at_once(callback);
    if (LIKELY(*task != NULL)) {
        Py_INCREF(*task);
        return 1;
    }
    if (PyCFunction_CheckExact(callback))
        return builtin_task_of(callback, task);
    if (PyMethod_Check(callback))
        return python_task_of(callback, task);
    if (LIKELY(PyFunction_Check(callback)))
        return 0;
    return Py_TYPE(callback) == known_tasks.step ? 0 : other_task_of(callback, task); /* the collector has cleared the field */
}

static COLD void learn_class(PyTypeObject *type)
{
    if (known_tasks.task != NULL || !PyType_HasFeature(type, Py_TPFLAGS_IMMUTABLETYPE) || !is_called(type, "Task"))
        return;
    known_tasks.done = method_of(type, "done", METH_NOARGS);
    known_tasks.cancelled = method_of(type, "cancelled", METH_NOARGS);
    known_tasks.get_name = method_of(type, "get_name", METH_NOARGS);
    known_tasks.get_coro = method_of(type, "get_coro", METH_NOARGS);
    known_tasks.waiter = getter_of(type, "_fut_waiter");
    known_tasks.exception = getter_of(type, "_exception");
    known_tasks.future_cancelled = method_of(type->tp_base, "cancelled", METH_NOARGS);
    if (known_tasks.done && known_tasks.cancelled && known_tasks.get_name && known_tasks.get_coro && known_tasks.waiter &&
        known_tasks.exception && known_tasks.future_cancelled && is_called(type->tp_base, "Future")) {
        Py_INCREF(type);
        known_tasks.task = type;
        known_tasks.future = type->tp_base; /* which that one holds */
    }
}

bool is_known_task(PyObject *task)
{
    if (UNLIKELY(known_tasks.task == NULL))
        learn_class(Py_TYPE(task));
    return Py_TYPE(task) == known_tasks.task;
}

int is_done(PyObject *task)
{
    if (LIKELY(Py_TYPE(task) == known_tasks.task))
        return truth_of(known_tasks.done(task, NULL));
    learn_class(Py_TYPE(task));
    return truth_of(PyObject_CallMethodNoArgs(task, names.done));
}

static COLD int look_whether_wake_up(PyObject *callback)
{
    PyObject *name;
    int found = look_up_attribute(callback, names.name, &name);
    if (found <= 0)
        return found;
    bool is = PyUnicode_Check(name) && (PyUnicode_CompareWithASCIIString(name, "task_wakeup") == 0 ||
                                        PyUnicode_CompareWithASCIIString(name, "__wakeup") == 0);
    Py_DECREF(name);
    return is;
}

static int is_cancelled(PyObject *future)
{
    if (LIKELY(Py_TYPE(future) == known_tasks.future))
        return truth_of(known_tasks.future_cancelled(future, NULL));
    if (Py_TYPE(future) == known_tasks.task)
        return truth_of(known_tasks.cancelled(future, NULL));
    return truth_of(PyObject_CallMethodNoArgs(future, names.cancelled));
}

int is_wake_up(PyObject *callback)
{
    if (LIKELY(Py_TYPE(callback) == known_tasks.step))
        return 0;
    bool at_once = PyCFunction_CheckExact(callback) && ((PyCFunctionObject *)callback)->m_ml == known_tasks.wakeup;
    return LIKELY(at_once) ? 1 : look_whether_wake_up(callback);
}

int future_cause(PyObject *future)
{
    int cancelled = is_cancelled(future);
    return cancelled <= 0 ? cancelled : READY_CANCELLED;
}

int ready_cause(PyObject *callback, PyObject *handle)
{
    int is = is_wake_up(callback);
    PyObject *args = is > 0 ? handle_field(handle, HANDLE_ARGS) : NULL;
    if (args == NULL)
        return is > 0 ? -1 : is;
    int cause = PyTuple_Check(args) && PyTuple_GET_SIZE(args) > 0 ? future_cause(PyTuple_GET_ITEM(args, 0)) : 0;
    Py_DECREF(args);
    return cause;
}

/* Whether a task of asyncio's own class still has the name that its mark has. */
static int keeps_name(PyObject *task)
{
    PyObject *mark, *name;
    int found = mark_of(task, &mark);
    if (found <= 0 || !Py_IS_TYPE(mark, &Mark_Type)) {
        Py_XDECREF(mark);
        return found < 0 ? -1 : 0;
    }
    name = known_tasks.get_name(task, NULL);
    int same = name == NULL ? -1 : name == ((Mark *)mark)->name || PyObject_RichCompareBool(name, ((Mark *)mark)->name, Py_EQ);
    Py_XDECREF(name);
    Py_DECREF(mark);
    return same;
}

int is_done_plainly(PyObject *task)
{
    if (Py_TYPE(task) != known_tasks.task)
        return 0;
    int same = keeps_name(task);
    if (same <= 0)
        return same;
    int cancelled = truth_of(known_tasks.cancelled(task, NULL));
    if (cancelled != 0)
        return cancelled < 0 ? -1 : 0;
    PyObject *exception = known_tasks.exception(task, NULL);
    Py_XDECREF(exception);
    return exception == NULL ? -1 : exception == Py_None;
}
