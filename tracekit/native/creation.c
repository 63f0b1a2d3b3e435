/* Creation: the first sight of a task. Knows its coroutine and its name, and no loop.

   The twin of `created` in hooks/tasks.py, for tasks of plain coroutines. What a coroutine's code is called is asked once for
   each function. */
#include "creation.h"

#include "probes.h"
#include "task.h"

enum { CODE_PLACE_BITS = 8, CODE_PLACES = 1 << CODE_PLACE_BITS };

/* The text of a code, by its address; the code and the name it had are held, so that their addresses stay their own. */
static struct {
    PyObject *code, *name;
    uint64_t table;
    uint32_t id;
} known_codes[CODE_PLACES];

static struct {
    PyObject *qualname, *current, *serial, *task;
#if PY_VERSION_HEX < 0x030B0000
    PyObject *frame, *last;
#else
    PyObject *suspended;
#endif
} names;

int begin_creations(void)
{
    static const Interned texts[] = {
        {&names.qualname, "__qualname__"}, {&names.current, "current"}, {&names.serial, "serial"}, {&names.task, "task"},
#if PY_VERSION_HEX < 0x030B0000
        {&names.frame, "cr_frame"},        {&names.last, "f_lasti"},
#else
        {&names.suspended, "cr_suspended"},
#endif
        {NULL, NULL},
    };
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

static uint32_t swap_known(PyObject *code, PyObject *name, uint64_t table, uint32_t id)
{
    unsigned place = place_of_address(code, CODE_PLACE_BITS);
    PyObject *old_code = known_codes[place].code, *old_name = known_codes[place].name;
    Py_INCREF(code);
    Py_INCREF(name);
    known_codes[place].code = code;
    known_codes[place].name = name;
    known_codes[place].table = table;
    known_codes[place].id = id;
    Py_XDECREF(old_code);
    Py_XDECREF(old_name);
    return id;
}

/* Ask Python for the text, and whether all coroutines of this code and name have the same. */
static COLD int64_t learn_code(PyObject *coroutine, PyObject *code, PyObject *name)
{
    static PyObject *describe;
    if (from_package(&describe, "tracekit.hooks.code", "described") == NULL)
        return -1;
    PyObject *answer = PyObject_CallFunctionObjArgs(describe, coroutine, NULL), *text;
    int shared;
    int64_t id = -1;
    if (answer != NULL && PyArg_ParseTuple(answer, "Up", &text, &shared) && probe_names != NULL) {
        Names *table = probe_names;
        id = look_up_or_intern(table, text);
        if (id > 0 && shared && table == probe_names)
            swap_known(code, name, table->number, (uint32_t)id);
    }
    Py_XDECREF(answer);
    return id < 0 && !PyErr_Occurred() ? 0 : id;
}

/* The id of what a coroutine's code is called. */
static int64_t id_of_code(PyObject *coroutine)
{
    PyObject *name = PyObject_GetAttr(coroutine, names.qualname);
    if (name == NULL)
        return -1;
    PyObject *code = code_of(coroutine);
    int64_t id = -1;
#ifndef Py_GIL_DISABLED
    unsigned place = place_of_address(code, CODE_PLACE_BITS);
    if (LIKELY(known_codes[place].code == code && known_codes[place].name == name &&
               known_codes[place].table == probe_names->number))
        id = known_codes[place].id;
#endif
    if (UNLIKELY(id < 0))
        id = learn_code(coroutine, code, name);
    Py_DECREF(code);
    Py_DECREF(name);
    return id;
}

/* Whether nothing of a coroutine has run yet; -1 with an exception. */
static int is_fresh(PyObject *coroutine)
{
#if PY_VERSION_HEX >= 0x030B0000
    PyObject *suspended = PyObject_GetAttr(coroutine, names.suspended);
    int truth = suspended == NULL ? -1 : !PyObject_IsTrue(suspended);
    Py_XDECREF(suspended);
    return truth;
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

static int write_creation(PyObject *coroutine, PyObject *name, uint32_t loop_serial, bool late, uint32_t serial)
{
    int64_t code = probe_buffer == NULL ? 0 : id_of_code(coroutine);
    int fresh = code < 0 ? -1 : is_fresh(coroutine);
    if (fresh < 0)
        return -1;
    Buffer *buffer = probe_buffer;
    if (buffer == NULL)
        return 0;
    Details details;
    details.count = 0;
    uint32_t id = recall(probe_names, name);
    if (id == 0)
        add_text(&details, NAME, 0, name);
    add_detail(&details, CODE, 0, 0, (uint64_t)code);
    add_detail(&details, LOOP, 0, 0, loop_serial);
    if (late || !fresh)
        add_detail(&details, LATE, 0, 0, 0);
    if (probe_buffer == buffer) /* which names are put down in may have been another's turn */
        put_with(buffer, TASK_CREATED, id, serial, &details, NULL);
    return 1;
}

static int number_task(PyObject *recorder, PyObject *task, PyObject *coroutine, PyObject *name, uint32_t loop_serial, bool late,
                       uint32_t *serial)
{
    int64_t number = take_serial(PyObject_CallMethodOneArg(recorder, names.serial, names.task));
    if (number < 0 || mark_task(task, recorder, (unsigned long)number, name) < 0)
        return -1;
    *serial = (uint32_t)number;
    return write_creation(coroutine, name, loop_serial, late, *serial);
}

static PyObject *current_recorder(void)
{
    static PyObject *module;
    if (module == NULL && (module = PyImport_ImportModule("tracekit.record.recorder")) == NULL)
        return NULL;
    return PyObject_GetAttr(module, names.current);
}

int create_task(PyObject *task, uint32_t loop_serial, bool late, uint32_t *serial)
{
    if (!is_known_task(task))
        return 0;
    int done = -1;
    PyObject *coroutine = known_tasks.get_coro(task, NULL);
    if (coroutine == NULL || !PyCoro_CheckExact(coroutine)) {
        Py_XDECREF(coroutine);
        return coroutine == NULL ? -1 : 0;
    }
    PyObject *recorder = current_recorder();
    PyObject *name = recorder == NULL ? NULL : known_tasks.get_name(task, NULL);
    if (name != NULL && (recorder == Py_None || !PyUnicode_CheckExact(name)))
        done = 0;
    else if (name != NULL)
        done = number_task(recorder, task, coroutine, name, loop_serial, late, serial);
    Py_XDECREF(name);
    Py_XDECREF(recorder);
    Py_DECREF(coroutine);
    return done;
}
