/* What the probes have in common: where they record, and records that bear a name. Knows no probe. */
#ifndef TRACEKIT_PROBES_H
#define TRACEKIT_PROBES_H

#include "arguments.h"
#include "buffer.h"
#include "common.h"
#include "names.h"

/* NULL: the probes are off. Borrowed: `switch` holds them for as long as they stand here. */
extern Buffer *probe_buffer;
extern Names *probe_names;

extern PyMethodDef probes_methods[];

/* The id of a name, and the table that gave it. */
typedef struct {
    uint64_t table;
    uint32_t id;
} KnownName;

/* Write a record of this kind with a name and arguments (keys NULL: none); returns its slot number. */
uint32_t put_named(Buffer *buffer, Names *names, unsigned kind, PyObject *name, KnownName *known, PyObject *keys,
                   PyObject *const *values);

/* End the span that began at `slot`, with the class of the exception that ended it. */
void put_failed_end(Buffer *buffer, uint32_t slot, PyTypeObject *error);

/* A probe's name is a text; anything else is made one. A new reference. */
static inline PyObject *name_of(PyObject *given)
{
    if (UNLIKELY(!PyUnicode_CheckExact(given)))
        return PyObject_Str(given);
    Py_INCREF(given);
    return given;
}

static inline uint32_t put_begin(PyObject *name, KnownName *known)
{
#ifndef Py_GIL_DISABLED
    if (LIKELY(known->table == probe_names->number))
        return put(probe_buffer, SPAN_BEGIN, known->id, 0);
#endif
    return put_named(probe_buffer, probe_names, SPAN_BEGIN, name, known, NULL, NULL);
}

#endif
