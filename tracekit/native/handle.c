/* Handle: what a loop has for a callback that is scheduled. Knows no task and no queue.

   asyncio's own two classes keep their attributes in slots. Where those lie is asked once; of any other class the attributes
   are looked up. */
#include "handle.h"

#include <structmember.h>

HandleClasses handle_classes;

static const char *const FIELD_NAMES[HANDLE_FIELDS] = {"_callback", "_cancelled", "_loop"};

static PyObject *field_names[HANDLE_FIELDS], *thread_id;

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
    thread_id = PyUnicode_InternFromString("_thread_id");
    PyObject *handle = NULL, *timer = NULL;
    if (thread_id == NULL || from_package(&handle, "asyncio.events", "Handle") == NULL ||
        from_package(&timer, "asyncio.events", "TimerHandle") == NULL)
        return -1;
    if (PyType_Check(handle) && PyType_Check(timer) && learn_places(handle, timer)) {
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

int handle_is_of_another_thread(PyObject *handle)
{
    PyObject *loop = handle_field(handle, HANDLE_LOOP);
    PyObject *thread = loop == NULL ? NULL : PyObject_GetAttr(loop, thread_id);
    Py_XDECREF(loop);
    if (thread == NULL)
        return -1;
    int elsewhere = thread != Py_None && PyLong_AsUnsignedLongMask(thread) != PyThread_get_thread_ident();
    Py_DECREF(thread);
    return PyErr_Occurred() ? -1 : elsewhere;
}
