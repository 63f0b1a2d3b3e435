/* Creation: the first sight of a task. Knows its coroutine, its name and who creates it, and no loop.

   The twin of `created` in hooks/tasks.py, for tasks of plain coroutines. */
#include "creation.h"

#include "codes.h"
#include "frames.h"
#include "mark.h"
#include "probes.h"
#include "task.h"

static struct {
    PyObject *qualname, *current, *buffer, *serial, *serials, *task;
#if PY_VERSION_HEX < 0x030B0000
    PyObject *frame, *last;
#endif
} names;

#if PY_VERSION_HEX >= 0x030B0000
static getter is_suspended;
#endif

/* The recorder of a session, which is not kept, and where its tasks' numbers come from. */
static struct {
    uint64_t session;
    PyObject *reference, *serials;
} numbering;

int begin_creations(void)
{
    static const Interned texts[] = {
        {&names.qualname, "__qualname__"}, {&names.current, "current"}, {&names.buffer, "buffer"},
        {&names.serial, "serial"}, {&names.serials, "serials"}, {&names.task, "task"},
#if PY_VERSION_HEX < 0x030B0000
        {&names.frame, "cr_frame"},        {&names.last, "f_lasti"},
#endif
        {NULL, NULL},
    };
#if PY_VERSION_HEX >= 0x030B0000
    is_suspended = getter_of(&PyCoro_Type, "cr_suspended");
    if (is_suspended == NULL) {
        PyErr_SetString(PyExc_ImportError, "coroutines are not what they were");
        return -1;
    }
#endif
    return intern_all(texts);
}

static PyObject *code_of(PyObject *coroutine)
{
#if PY_VERSION_HEX >= 0x030C0000
    return (PyObject *)PyGen_GetCode((PyGenObject *)coroutine);
#else
    PyObject *code = (PyObject *)((PyCoroObject *)coroutine)->cr_code;
    Py_INCREF(code);
    return code;
#endif
}

static PyObject *qualname_of(PyObject *coroutine)
{
#if PY_VERSION_HEX < 0x030E0000
    PyObject *name = ((PyCoroObject *)coroutine)->cr_qualname;
    Py_INCREF(name);
    return name;
#else
    return PyObject_GetAttr(coroutine, names.qualname);
#endif
}

/* One that `tk.trace` made is called after the function that it stands for. */
static COLD int64_t id_of_wrapped(PyObject *coroutine)
{
    static PyObject *describe;
    if (from_package(&describe, "tracekit.hooks.code", "coroutine_code") == NULL)
        return -1;
    PyObject *text = PyObject_CallFunctionObjArgs(describe, coroutine, NULL);
    int64_t id = text == NULL ? -1 : probe_names == NULL ? 0 : look_up_or_intern(probe_names, text);
    Py_XDECREF(text);
    return id;
}

/* The id of what a coroutine's code is called; -1 with an exception. */
static int64_t id_of_code(PyObject *coroutine)
{
    PyObject *name = qualname_of(coroutine);
    if (name == NULL)
        return -1;
    PyObject *code = code_of(coroutine);
    int64_t id = whose_code(code, name, true);
    if (id >= 0)
        id = id == WRAPPERS ? id_of_wrapped(coroutine) : id_of_function(code, name, true);
    Py_DECREF(code);
    Py_DECREF(name);
    return id;
}

/* The id of the user's line that is running on this thread, outside of libraries; 0: none. -1 with an exception. */
static int64_t id_of_caller(void)
{
    Walk walk = begin_walk();
    Spot spot;
    int64_t id = 0;
    int found;
    while ((found = walk_on(&walk, &spot)) > 0) {
        int whose = whose_code(spot.code, spot.name, true);
        bool is_it = whose == USERS;
        if (is_it)
            id = id_of_place(spot.code, spot.name, spot.last, true);
        drop_spot(&spot);
        if (is_it || whose < 0) {
            found = whose < 0 ? -1 : 0;
            break;
        }
    }
    end_walk(&walk);
    return found < 0 ? -1 : id;
}

/* Whether nothing of a coroutine has run yet; -1 with an exception. */
static int is_fresh(PyObject *coroutine)
{
#if PY_VERSION_HEX >= 0x030B0000
    int truth = truth_of(is_suspended(coroutine, NULL));
    return truth < 0 ? -1 : !truth;
#else
    PyObject *frame = PyObject_GetAttr(coroutine, names.frame);
    if (frame == NULL || frame == Py_None) {
        Py_XDECREF(frame);
        return frame == NULL ? -1 : 1;
    }
    PyObject *last = PyObject_GetAttr(frame, names.last);
    long at = last == NULL ? -1 : PyLong_AsLong(last);
    Py_XDECREF(last);
    Py_DECREF(frame);
    return PyErr_Occurred() ? -1 : at < 0;
#endif
}

/* Whether a name is one of those that asyncio gives, each once. */
static bool is_numbered(PyObject *name)
{
    return PyUnicode_IS_ASCII(name) && PyUnicode_GET_LENGTH(name) >= 5 && memcmp(PyUnicode_1BYTE_DATA(name), "Task-", 5) == 0;
}

static int write_creation(PyObject *coroutine, PyObject *name, uint32_t loop_serial, bool late, uint32_t serial)
{
    int64_t code = probe_buffer == NULL ? 0 : id_of_code(coroutine);
    int fresh = code < 0 ? -1 : late ? 0 : is_fresh(coroutine);
    int64_t caller = fresh <= 0 || probe_buffer == NULL ? fresh : id_of_caller();
    if (caller < 0)
        return -1;
    Buffer *buffer = probe_buffer;
    if (buffer == NULL)
        return 0;
    Details details;
    details.count = 0;
    uint32_t id = is_numbered(name) ? 0 : recall(probe_names, name);
    if (id == 0)
        add_text(&details, NAME, 0, name);
    add_detail(&details, CODE, 0, 0, (uint64_t)code);
    add_detail(&details, LOOP, 0, 0, loop_serial);
    if (!fresh)
        add_detail(&details, LATE, 0, 0, 0);
    if (fresh && caller)
        add_detail(&details, CREATED_AT, 0, 0, (uint64_t)caller);
    if (probe_buffer == buffer) /* which names are put down in may have been another's turn */
        put_with(buffer, TASK_CREATED, id, serial, &details, NULL);
    return 1;
}

static PyObject *current_recorder(void)
{
    static PyObject *module;
    if (module == NULL && (module = PyImport_ImportModule("tracekit.record.recorder")) == NULL)
        return NULL;
    return PyObject_GetAttr(module, names.current);
}

/* 1: it is known; 0: the session is just ending; -1 with an exception. */
static COLD int learn_numbering(uint64_t session)
{
    PyObject *recorder = current_recorder(), *buffer = NULL;
    int found = recorder == NULL ? -1 : look_up_attribute(recorder, names.buffer, &buffer);
    Py_XDECREF(buffer);
    if (found < 0 || buffer == NULL || buffer != (PyObject *)probe_buffer) {
        Py_XDECREF(recorder);
        return found < 0 ? -1 : 0;
    }
    PyObject *reference = PyWeakref_NewRef(recorder, NULL);
    PyObject *serials = reference == NULL ? NULL : PyObject_CallMethodOneArg(recorder, names.serials, names.task);
    Py_DECREF(recorder);
    if (serials == NULL) {
        Py_XDECREF(reference);
        return -1;
    }
    Py_XSETREF(numbering.reference, reference);
    Py_XSETREF(numbering.serials, serials);
    numbering.session = session;
    return 1;
}

/* The recorder of the session that runs, a new reference; NULL without an exception if that is just ending. */
static PyObject *recorder_of(uint64_t session)
{
    if (UNLIKELY(numbering.session != session) && learn_numbering(session) <= 0)
        return NULL;
    PyObject *recorder;
#if PY_VERSION_HEX >= 0x030D0000
    if (PyWeakref_GetRef(numbering.reference, &recorder) < 0)
        return NULL;
#else
    recorder = PyWeakref_GET_OBJECT(numbering.reference);
    if (recorder == Py_None)
        return NULL;
    Py_INCREF(recorder);
#endif
    return recorder;
}

static int number_task(PyObject *recorder, uint64_t session, PyObject *task, PyObject *name, uint32_t *serial)
{
#ifdef Py_GIL_DISABLED
    int64_t number = take_serial(PyObject_CallMethodOneArg(recorder, names.serial, names.task));
#else
    int64_t number = take_serial(PyIter_Next(numbering.serials));
#endif
    if (number < 0 || mark_task(task, recorder, session, (unsigned long)number, name) < 0)
        return -1;
    *serial = (uint32_t)number;
    return 0;
}

int create_task(PyObject *task, uint32_t loop_serial, bool late, uint32_t *serial)
{
    if (!is_known_task(task) || probe_buffer == NULL)
        return 0;
    uint64_t session = probe_buffer->id;
    PyObject *recorder = recorder_of(session);
    if (recorder == NULL)
        return PyErr_Occurred() ? -1 : 0;
    int done = -1;
    PyObject *coroutine = known_tasks.get_coro(task, NULL);
    PyObject *name = coroutine == NULL ? NULL : known_tasks.get_name(task, NULL);
    if (name != NULL && (!PyCoro_CheckExact(coroutine) || !PyUnicode_CheckExact(name)))
        done = 0;
    else if (name != NULL && number_task(recorder, session, task, name, serial) == 0)
        done = write_creation(coroutine, name, loop_serial, late, *serial);
    Py_XDECREF(name);
    Py_XDECREF(coroutine);
    Py_DECREF(recorder);
    return done;
}
