/* Names: texts of a process, each written into its spool once and known by a number. Knows nothing of what they name. */
#ifndef TRACEKIT_NAMES_H
#define TRACEKIT_NAMES_H

#include "common.h"
#include "layout.h"

enum { PLACE_BITS = 10, PLACES = 1 << PLACE_BITS, SEEN = 4096 };

typedef struct {
    PyObject_HEAD
    uint64_t number; /* of this table, never 0: whoever keeps an id keeps the table's number with it */
    PyObject *spool; /* NULL once abandoned */
    PyObject *no_room;
    PyObject *ids;
    PyObject *view; /* keeps `words` mapped */
    uint64_t *words;
    int64_t at, left;
    uint64_t count, bytes;
    /* Texts by their address, which is quicker than by their hash; each is held, so that its address stays its own. */
    struct {
        PyObject *text;
        uint32_t id;
    } places[PLACES];
    Py_hash_t seen[SEEN];
} Names;

extern PyTypeObject Names_Type;

/* The id of a text, or -1 with an exception; see `Names.intern` and `Names.recall` in spool/names.py. */
int64_t look_up_or_intern(Names *names, PyObject *text);
int64_t look_up_or_recall(Names *names, PyObject *text);

static inline uint32_t known_by_address(Names *names, PyObject *text)
{
#ifdef Py_GIL_DISABLED
    (void)names, (void)text;
    return 0;
#else
    unsigned place = place_of_address(text, PLACE_BITS);
    return names->places[place].text == text ? names->places[place].id : 0;
#endif
}

static inline uint32_t id_of(Names *names, PyObject *text, int64_t (*otherwise)(Names *, PyObject *))
{
    uint32_t id = known_by_address(names, text);
    if (LIKELY(id != 0))
        return id;
    int64_t found = otherwise(names, text);
    if (UNLIKELY(found < 0)) {
        swallow();
        return 0;
    }
    return (uint32_t)found;
}

/* As in Python; what fails is swallowed, and 0. */
static inline uint32_t recall(Names *names, PyObject *text)
{
    return id_of(names, text, look_up_or_recall);
}

static inline uint32_t intern(Names *names, PyObject *text)
{
    return id_of(names, text, look_up_or_intern);
}

#endif
