/* The UTF-8 of a text, for as long as somebody holds it. Knows no record. */
#ifndef TRACEKIT_TEXT_H
#define TRACEKIT_TEXT_H

#include "common.h"

typedef struct {
    const char *data;
    Py_ssize_t size;
    PyObject *held; /* given back by utf8_release */
} Utf8;

/* A lone surrogate becomes a question mark. False with an exception where there is no memory. */
static inline bool utf8_of(PyObject *text, Utf8 *utf8)
{
    if (PyUnicode_IS_ASCII(text)) {
        Py_INCREF(text);
        *utf8 = (Utf8){(const char *)PyUnicode_1BYTE_DATA(text), PyUnicode_GET_LENGTH(text), text};
        return true;
    }
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "replace");
    if (bytes == NULL)
        return false;
    *utf8 = (Utf8){PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes), bytes};
    return true;
}

static inline void utf8_release(Utf8 *utf8)
{
    Py_DECREF(utf8->held);
}

#endif
