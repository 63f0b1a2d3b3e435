/* Task: what a callback is a step of, and the number that it has in a recording. Knows neither queue nor loop.

   The twin of hooks/mark.py and of `task_of` in hooks/tasks.py. */
#include "task.h"

#include <structmember.h>

struct task_place task_places[TASK_PLACES];

static struct {
    PyObject *attribute, *buffer, *name, *self, *done, *exception;
} names;

int begin_tasks(void)
{
    static const Interned texts[] = {
        {&names.attribute, "_tracekit_task"}, {&names.buffer, "buffer"}, {&names.name, "__name__"},
        {&names.self, "__self__"},            {&names.done, "done"},     {&names.exception, "_exception"},
        {NULL, NULL},
    };
    return intern_all(texts);
}

int look_up_attribute(PyObject *object, PyObject *name, PyObject **found)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyObject_GetOptionalAttr(object, name, found);
#else
    return _PyObject_LookupAttr(object, name, found);
#endif
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

static bool is_called(PyTypeObject *type, const char *name)
{
    const char *dot = strrchr(type->tp_name, '.');
    return strcmp(dot == NULL ? type->tp_name : dot + 1, name) == 0;
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
    if (known_tasks.done && known_tasks.cancelled && known_tasks.get_name && known_tasks.get_coro) {
        Py_INCREF(type);
        known_tasks.task = type;
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

/* Whether a task of asyncio's own class still has the name that its mark has. */
static int keeps_name(PyObject *task)
{
    PyObject *mark, *name;
    int found = look_up_attribute(task, names.attribute, &mark);
    if (found <= 0 || !Py_IS_TYPE(mark, &Mark_Type)) {
        Py_XDECREF(mark);
        return found < 0 ? -1 : 0;
    }
    name = known_tasks.get_name(task, NULL);
    int same = name == NULL ? -1 : PyObject_RichCompareBool(name, ((Mark *)mark)->name, Py_EQ);
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
    PyObject *exception;
    int found = look_up_attribute(task, names.exception, &exception);
    bool none = exception == NULL || exception == Py_None;
    Py_XDECREF(exception);
    return found < 0 ? -1 : none;
}

static void remember(PyObject *task, Mark *mark)
{
#ifdef Py_GIL_DISABLED
    (void)task, (void)mark;
#else
    struct task_place *place = task_places + place_of_address(task, TASK_PLACE_BITS);
    if (place->mark != NULL)
        place->mark->place = NULL;
    if (mark->place != NULL)
        *mark->place = (struct task_place){0};
    *place = (struct task_place){task, mark->session, (uint32_t)mark->serial, mark};
    mark->place = place;
#endif
}

COLD int look_up_serial(PyObject *task, uint64_t session, uint32_t *serial)
{
    PyObject *found;
    int has = look_up_attribute(task, names.attribute, &found);
    if (has <= 0)
        return has;
    Mark *mark = (Mark *)found;
    bool known = Py_IS_TYPE(found, &Mark_Type) && mark->session == session;
    if (known) {
        *serial = (uint32_t)mark->serial;
        if (Py_REFCNT(found) > 1) /* the task has it as well */
            remember(task, mark);
    }
    Py_DECREF(found);
    return known;
}

static PyObject *new_mark(PyObject *recorder, unsigned long serial, PyObject *name)
{
    PyObject *buffer;
    if (look_up_attribute(recorder, names.buffer, &buffer) < 0)
        return NULL;
    Mark *mark = (Mark *)Mark_Type.tp_alloc(&Mark_Type, 0);
    if (mark != NULL) {
        Py_INCREF(recorder);
        Py_INCREF(name);
        mark->recorder = recorder;
        mark->name = name;
        mark->serial = serial;
        mark->session = buffer != NULL && Py_IS_TYPE(buffer, &Buffer_Type) ? load_relaxed(&((Buffer *)buffer)->id) : 0;
    }
    Py_XDECREF(buffer);
    return (PyObject *)mark;
}

static PyObject *mark_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *parameters[] = {"recorder", "serial", "name", NULL};
    PyObject *recorder, *name;
    unsigned long serial;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OkO:Mark", parameters, &recorder, &serial, &name))
        return NULL;
    (void)type;
    return new_mark(recorder, serial, name);
}

int mark_task(PyObject *task, PyObject *recorder, unsigned long serial, PyObject *name)
{
    PyObject *mark = new_mark(recorder, serial, name);
    int failed = mark == NULL ? -1 : PyObject_SetAttr(task, names.attribute, mark);
    if (failed == 0 && Py_REFCNT(mark) > 1) /* the task has it as well */
        remember(task, (Mark *)mark);
    Py_XDECREF(mark);
    return failed;
}

static void mark_dealloc(Mark *mark)
{
    if (mark->place != NULL)
        *mark->place = (struct task_place){0};
    Py_CLEAR(mark->recorder);
    Py_CLEAR(mark->name);
    Py_TYPE(mark)->tp_free((PyObject *)mark);
}

static PyMemberDef mark_members[] = {
    {"recorder", T_OBJECT, offsetof(Mark, recorder), READONLY, "Whose recording it is."},
    {"serial", T_ULONG, offsetof(Mark, serial), READONLY, "The task's number there."},
    {"name", T_OBJECT, offsetof(Mark, name), READONLY, "The name that the task had then."},
    {NULL, 0, 0, 0, NULL},
};

PyTypeObject Mark_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tracekit._fast.Mark",
    .tp_doc = "Mark(recorder, serial, name)\n--\n\nWhat a task has in one recording.",
    .tp_basicsize = sizeof(Mark),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = mark_new,
    .tp_dealloc = (destructor)mark_dealloc,
    .tp_members = mark_members,
};
