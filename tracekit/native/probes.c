/* What the probes have in common: where they record, and records that bear a name. Knows no probe. */
#include "probes.h"

Buffer *probe_buffer;
Names *probe_names;

/* Arguments come first: their keys get their ids before the name gets its own. */
static COLD uint32_t put_whole(Buffer *buffer, Names *names, unsigned kind, PyObject *name, KnownName *known, PyObject *keys,
                          PyObject *const *values)
{
    Details arguments, text;
    arguments.count = text.count = 0;
    if (keys != NULL)
        add_arguments(&arguments, names, keys, values);
    uint32_t id = recall(names, name);
    if (id == 0) {
        add_text(&text, NAME, 0, name);
        return put_with(buffer, kind, 0, 0, &text, &arguments);
    }
#ifdef Py_GIL_DISABLED
    (void)known; /* another thread may read it at the same moment */
#else
    if (known != NULL)
        *known = (KnownName){names->number, id};
#endif
    return arguments.count ? put_with(buffer, kind, id, 0, &arguments, NULL) : put(buffer, kind, id, 0);
}

uint32_t put_named(Buffer *buffer, Names *names, unsigned kind, PyObject *name, KnownName *known, PyObject *keys,
                   PyObject *const *values)
{
    uint32_t id = keys == NULL ? known_by_address(names, name) : 0;
    if (LIKELY(id != 0))
        return put(buffer, kind, id, 0);
    Pending pending = put_aside();
    Py_INCREF(buffer);
    Py_INCREF(names);
    uint32_t slot = put_whole(buffer, names, kind, name, known, keys, values);
    Py_DECREF(names);
    Py_DECREF(buffer);
    put_back(pending);
    return slot;
}

COLD void put_failed_end(Buffer *buffer, uint32_t slot, PyTypeObject *error)
{
    Pending pending = put_aside();
    Py_INCREF(buffer);
    Names *names = probe_names;
    Py_INCREF(names);
    PyObject *name = PyObject_GetAttrString((PyObject *)error, "__name__");
    if (name == NULL && PyErr_ExceptionMatches(PyExc_Exception))
        PyErr_Clear(); /* a metaclass may do anything */
    swallow();
    Details details;
    details.count = 0;
    PyObject *known = name != NULL && PyUnicode_CheckExact(name) ? Py_NewRef(name) : PyUnicode_FromString("?");
    uint32_t id = known == NULL ? 0 : intern(names, known);
    Py_XDECREF(known);
    add_detail(&details, ERROR, 0, 0, id);
    put_with(buffer, SPAN_END, 0, slot, &details, NULL);
    Py_XDECREF(name);
    Py_DECREF(names);
    Py_DECREF(buffer);
    put_back(pending);
}

static bool take(PyObject *given, PyTypeObject *type)
{
    if (given == Py_None || Py_IS_TYPE(given, type))
        return true;
    PyErr_Format(PyExc_TypeError, "switch() takes a %s or None, not %.100s", type->tp_name, Py_TYPE(given)->tp_name);
    return false;
}

static PyObject *switch_(PyObject *module, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    (void)module;
    static const char *const parameters[] = {"buffer", "names"};
    static PyObject *held_buffer, *held_names;
    PyObject *taken[2] = {NULL, NULL};
    if (take_arguments("switch", args, given, keywords, parameters, 2, 2, taken) < 0)
        return NULL;
    if (!take(taken[0], &Buffer_Type) || !take(taken[1], &Names_Type))
        return NULL;
    bool on = taken[0] != Py_None && taken[1] != Py_None;
    PyObject *old_buffer = held_buffer, *old_names = held_names;
    held_buffer = on ? taken[0] : NULL;
    held_names = on ? taken[1] : NULL;
    Py_XINCREF(held_buffer);
    Py_XINCREF(held_names);
    /* The names first: who finds a buffer finds names. */
    if (on)
        __atomic_store_n(&probe_names, (Names *)held_names, __ATOMIC_RELEASE);
    __atomic_store_n(&probe_buffer, (Buffer *)held_buffer, __ATOMIC_RELEASE);
#ifdef Py_GIL_DISABLED
    (void)old_buffer, (void)old_names; /* held for ever: another thread may be in the middle of a record */
#else
    probe_names = (Names *)held_names;
    Py_XDECREF(old_buffer);
    Py_XDECREF(old_names);
#endif
    Py_RETURN_NONE;
}

PyMethodDef probes_methods[] = {
    {"switch", (PyCFunction)(void (*)(void))switch_, METH_FASTCALL | METH_KEYWORDS,
     "switch(buffer, names)\n--\n\nHave the probes of this core record there from now on; None turns them off."},
    {NULL, NULL, 0, NULL},
};
