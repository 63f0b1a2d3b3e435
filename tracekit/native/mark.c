/* Mark: the number that a task has in a recording, and the name that it had there. Knows no task.

   The twin of hooks/mark.py. */
#include "mark.h"

#include <structmember.h>

struct task_place task_places[TASK_PLACES];

static struct {
    PyObject *attribute, *buffer;
} names;

int begin_marks(void)
{
    static const Interned texts[] = {{&names.attribute, "_tracekit_task"}, {&names.buffer, "buffer"}, {NULL, NULL}};
    return intern_all(texts);
}

int mark_of(PyObject *task, PyObject **mark)
{
#ifndef Py_GIL_DISABLED
    const struct task_place *place = task_places + place_of_address(task, TASK_PLACE_BITS);
    if (LIKELY(place->task == task)) {
        *mark = (PyObject *)place->mark;
        Py_INCREF(*mark);
        return 1;
    }
#endif
    return look_up_attribute(task, names.attribute, mark);
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

/* Marks come and go with the tasks: some are kept for the next ones, linked by their names. */
static PyObject *spare_marks;
static unsigned spare_count;

static Mark *allocate_mark(void)
{
    Mark *mark = (Mark *)spare_marks;
    if (mark == NULL)
        return (Mark *)Mark_Type.tp_alloc(&Mark_Type, 0);
    spare_marks = mark->name;
    spare_count--;
    revive((PyObject *)mark);
    return mark;
}

static PyObject *new_mark(PyObject *recorder, uint64_t session, unsigned long serial, PyObject *name)
{
    Mark *mark = allocate_mark();
    if (mark == NULL)
        return NULL;
    Py_INCREF(recorder);
    Py_INCREF(name);
    mark->recorder = recorder;
    mark->name = name;
    mark->serial = serial;
    mark->session = session;
    mark->place = NULL;
    return (PyObject *)mark;
}

static PyObject *mark_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *parameters[] = {"recorder", "serial", "name", NULL};
    PyObject *recorder, *name, *buffer;
    unsigned long serial;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OkO:Mark", parameters, &recorder, &serial, &name))
        return NULL;
    (void)type;
    if (look_up_attribute(recorder, names.buffer, &buffer) < 0)
        return NULL;
    uint64_t session = buffer != NULL && Py_IS_TYPE(buffer, &Buffer_Type) ? load_relaxed(&((Buffer *)buffer)->id) : 0;
    Py_XDECREF(buffer);
    return new_mark(recorder, session, serial, name);
}

int mark_task(PyObject *task, PyObject *recorder, uint64_t session, unsigned long serial, PyObject *name)
{
    PyObject *mark = new_mark(recorder, session, serial, name);
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
    if (spare_count >= MOST_SPARE) {
        Py_TYPE(mark)->tp_free((PyObject *)mark);
        return;
    }
    mark->name = spare_marks;
    spare_marks = (PyObject *)mark;
    spare_count++;
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
