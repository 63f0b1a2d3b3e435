/* Handle: what a loop has for a callback that is scheduled. Knows no task and no queue.

   asyncio's own two classes keep their attributes in slots. Where those lie is asked once; of any other class the attributes
   are looked up. */
#include "handle.h"

#include "clock.h"

#include <structmember.h>

HandleClasses handle_classes;

static const char *const FIELD_NAMES[HANDLE_FIELDS] = {"_callback", "_cancelled", "_loop", "_args"};

static const int64_t MOST_AHEAD_NS = 1000000; /* a loop runs its timers no earlier */

static PyObject *field_names[HANDLE_FIELDS], *thread_id, *when_name, *time_name;

static Py_ssize_t place_of_slot(PyObject *type, PyObject *name)
{
    PyObject *slot = PyObject_GetAttr(type, name);
    if (slot == NULL)
        return -1;
    PyMemberDef *member = Py_IS_TYPE(slot, &PyMemberDescr_Type) ? ((PyMemberDescrObject *)slot)->d_member : NULL;
    Py_ssize_t place = member != NULL && member->type == T_OBJECT_EX ? member->offset : -1;
    Py_DECREF(slot);
    return place;
}

/* Whether both classes have all fields in the same slots. */
static bool learn_places(PyObject *handle, PyObject *timer)
{
    for (int field = 0; field < HANDLE_FIELDS; field++) {
        handle_classes.places[field] = place_of_slot(handle, field_names[field]);
        if (handle_classes.places[field] <= 0 || place_of_slot(timer, field_names[field]) != handle_classes.places[field])
            return false;
    }
    return true;
}

static COLD int learn(void)
{
    static bool learned;
    if (learned)
        return 0;
    for (int field = 0; field < HANDLE_FIELDS; field++)
        if ((field_names[field] = PyUnicode_InternFromString(FIELD_NAMES[field])) == NULL)
            return -1;
    static const Interned texts[] = {
        {&thread_id, "_thread_id"}, {&when_name, "_when"}, {&time_name, "time"}, {NULL, NULL}};
    PyObject *handle = NULL, *timer = NULL;
    if (intern_all(texts) < 0 || from_package(&handle, "asyncio.events", "Handle") == NULL ||
        from_package(&timer, "asyncio.events", "TimerHandle") == NULL)
        return -1;
    handle_classes.when = PyType_Check(timer) ? place_of_slot(timer, when_name) : -1;
    if (handle_classes.when > 0 && PyType_Check(handle) && learn_places(handle, timer)) {
        handle_classes.handle = (PyTypeObject *)handle; /* held for good */
        handle_classes.timer = (PyTypeObject *)timer;
    }
    PyErr_Clear();
    learned = true;
    return 0;
}

COLD PyObject *look_up_field(PyObject *handle, enum handle_field field)
{
    return learn() < 0 ? NULL : PyObject_GetAttr(handle, field_names[field]);
}

/* As the attribute has it, or NULL without an exception; a new reference. -1 with an exception. */
static int when_of(PyObject *handle, PyObject **when)
{
    *when = NULL;
    if (Py_TYPE(handle) == handle_classes.handle)
        return 0;
    if (Py_TYPE(handle) != handle_classes.timer)
        return learn() < 0 ? -1 : look_up_attribute(handle, when_name, when);
    *when = *(PyObject **)((char *)handle + handle_classes.when);
    Py_XINCREF(*when);
    return *when != NULL;
}

/* Whether its loop has the time from CLOCK_MONOTONIC, as asyncio's own have; -1 with an exception. */
static int goes_by_monotonic(PyObject *handle)
{
    static PyObject *class_of_loops;
    if (from_package(&class_of_loops, "asyncio.base_events", "BaseEventLoop") == NULL)
        return -1;
    PyObject *loop = handle_field(handle, HANDLE_LOOP);
    PyObject *time = loop == NULL ? NULL : PyObject_GetAttr(loop, time_name);
    PyObject *own = time == NULL ? NULL : PyObject_GetAttr(class_of_loops, time_name);
    int same = own == NULL ? -1 : PyMethod_Check(time) && PyMethod_GET_FUNCTION(time) == own;
    Py_XDECREF(loop);
    Py_XDECREF(time);
    Py_XDECREF(own);
    return same;
}

int64_t due_time(PyObject *handle)
{
    PyObject *when;
    int found = when_of(handle, &when);
    if (found <= 0)
        return found;
    double due = PyFloat_CheckExact(when) ? PyFloat_AS_DOUBLE(when) * 1e9 : 0;
    Py_DECREF(when);
    if (!(due > 0 && due < (double)((int64_t)monotonic_ns() + MOST_AHEAD_NS)))
        return 0;
    int monotonic = goes_by_monotonic(handle);
    return monotonic <= 0 ? monotonic : (int64_t)due;
}

int handle_is_of_another_thread(PyObject *handle)
{
    PyObject *loop = handle_field(handle, HANDLE_LOOP);
    PyObject *thread = loop == NULL ? NULL : PyObject_GetAttr(loop, thread_id);
    Py_XDECREF(loop);
    if (thread == NULL)
        return -1;
    unsigned long number = thread == Py_None ? 0 : PyLong_AsUnsignedLongMask(thread);
    Py_DECREF(thread);
    if (number == (unsigned long)-1 && PyErr_Occurred())
        return -1;
    return number != 0 && number != PyThread_get_thread_ident();
}
