/* Arguments: the values given to a probe, and texts, as details of a record. Knows no probe.

   The twin of record/arguments.py and spool/texts.py; what is no scalar is put into words by the former. */
#include "arguments.h"

#include "text.h"

enum { FIRST_BYTES = 8, MORE_BYTES = 15 };

static uint64_t little_endian(const char *data, Py_ssize_t length)
{
    uint64_t number = 0;
    for (Py_ssize_t at = length; at-- > 0;)
        number = number << 8 | (unsigned char)data[at];
    return number;
}

static Py_ssize_t at_most(Py_ssize_t length, Py_ssize_t most)
{
    return length < most ? length : most;
}

static void add_utf8(Details *details, unsigned kind, uint32_t a, const char *data, Py_ssize_t size)
{
    unsigned more = size <= FIRST_BYTES ? 0 : (unsigned)((size - FIRST_BYTES + MORE_BYTES - 1) / MORE_BYTES);
    if (details->count + 1 + more > MOST_DETAILS)
        return;
    add_detail(details, kind, a, (uint32_t)size, little_endian(data, at_most(size, FIRST_BYTES)));
    for (Py_ssize_t at = FIRST_BYTES; at < size; at += MORE_BYTES) {
        Py_ssize_t length = at_most(size - at, MORE_BYTES);
        uint64_t *detail = details->words + 2 * details->count++;
        detail[0] = little_endian(data + at, at_most(length, 8));
        detail[1] = MORE | (length > 8 ? little_endian(data + at + 8, length - 8) << 8 : 0);
    }
}

void add_text(Details *details, unsigned kind, uint32_t a, PyObject *text)
{
    PyObject *kept = PyUnicode_GET_LENGTH(text) > MOST_CHARACTERS ? PyUnicode_Substring(text, 0, MOST_CHARACTERS) : NULL;
    Utf8 utf8;
    if (!PyErr_Occurred() && utf8_of(kept == NULL ? text : kept, &utf8)) {
        add_utf8(details, kind, a, utf8.data, utf8.size);
        utf8_release(&utf8);
    }
    Py_XDECREF(kept);
    swallow();
}

/* The short form of what is no scalar; NULL where there is none. */
static PyObject *short_form(PyObject *value)
{
    static PyObject *shorten;
    PyObject *text = NULL;
    if (from_package(&shorten, "tracekit.record.arguments", "short") != NULL)
        text = PyObject_CallFunctionObjArgs(shorten, value, NULL);
    swallow();
    if (text != NULL && !PyUnicode_Check(text))
        Py_CLEAR(text);
    return text;
}

static bool add_integer(Details *details, uint32_t key, PyObject *value)
{
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow == 0)
        add_detail(details, ARG_INT, key, 0, (uint64_t)number);
    return overflow == 0;
}

static void add_float(Details *details, uint32_t key, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    add_detail(details, ARG_FLOAT, key, 0, bits);
}

static void add_argument(Details *details, uint32_t key, PyObject *value)
{
    if (PyUnicode_CheckExact(value)) {
        add_text(details, ARG_TEXT, key, value);
    } else if (value == Py_True || value == Py_False) {
        add_detail(details, value == Py_True ? ARG_TRUE : ARG_FALSE, key, 0, 0);
    } else if (value == Py_None) {
        add_detail(details, ARG_NONE, key, 0, 0);
    } else if (PyFloat_CheckExact(value)) {
        add_float(details, key, PyFloat_AS_DOUBLE(value));
    } else if (!PyLong_CheckExact(value) || !add_integer(details, key, value)) {
        PyObject *text = short_form(value);
        if (text != NULL)
            add_text(details, ARG_TEXT, key, text);
        Py_XDECREF(text);
    }
}

void add_arguments(Details *details, Names *names, PyObject *keys, PyObject *const *values)
{
    Py_ssize_t count = PyTuple_GET_SIZE(keys);
    for (Py_ssize_t at = 0; at < count; at++)
        add_argument(details, intern(names, PyTuple_GET_ITEM(keys, at)), values[at]);
}
