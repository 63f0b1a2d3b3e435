/* Arguments: the values given to a probe, and texts, as details of a record. Knows no probe. */
#ifndef TRACEKIT_ARGUMENTS_H
#define TRACEKIT_ARGUMENTS_H

#include "buffer.h"
#include "common.h"
#include "names.h"

static inline void add_detail(Details *details, unsigned kind, uint32_t a, uint32_t b, uint64_t payload)
{
    if (details->count < MOST_DETAILS) {
        uint64_t *detail = details->words + 2 * details->count++;
        detail[0] = payload;
        detail[1] = kind | (uint64_t)(a & A_MAX) << 8 | (uint64_t)b << 32;
    }
}

/* A text, as spool/texts.py has it; left out as a whole where it finds no room. */
void add_text(Details *details, unsigned kind, uint32_t a, PyObject *text);

/* Keyword arguments, as record/arguments.py has them. Nothing of it fails; `values` are held by the caller. */
void add_arguments(Details *details, Names *names, PyObject *keys, PyObject *const *values);

/* Whether a value can be part of no reference cycle. */
static inline bool is_scalar(PyObject *value)
{
    return PyUnicode_CheckExact(value) || PyLong_CheckExact(value) || PyFloat_CheckExact(value) || PyBool_Check(value) ||
           value == Py_None;
}

#endif
