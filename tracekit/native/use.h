/* Use: one use of a span that is open beside others, and the list of them. Knows a Span as what holds that list.

   The first use of a span is the span itself (`busy`); further ones, by recursion, in other threads or tasks, are objects of
   their own, which the VM is handed in place of a bound `__exit__`. A use that was entered by a plain call of `__enter__` is
   *loose*: its exit is another call, which has to find it. */
#ifndef TRACEKIT_USE_H
#define TRACEKIT_USE_H

#include "open.h"
#include "probes.h"

typedef struct Use Use;

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *name;
    PyObject *keys;    /* of its arguments; NULL: none */
    PyObject **values; /* held, as many as there are keys */
    KnownName known;
    PyObject *fetched; /* borrowed: whose `__exit__` the VM has just looked up and will enter next; the span itself, or a Use */
    Use *last;         /* of the uses that are open, but the span itself, in the order of their beginning */
    uint64_t session;  /* the id of the Buffer where the span itself began */
    uint64_t order, orders;
    uint32_t slot;
    bool busy, tracked;
} Span;

struct Use {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *name;
    Span *span; /* held, until it is closed; a loose one does not hold it, but is held by it */
    Use *before, *after;
    uint64_t session, order;
    uint32_t slot;
    bool open, loose;
    PyObject *holder; /* of a loose one: see record/reference.py */
    unsigned long thread;
};

extern PyTypeObject Use_Type;

Use *new_use(Span *span);
void open_use(Use *use);
void close_use(Use *use, PyObject *error);

/* The two explicit calls; `enter_loose` returns a new reference. */
PyObject *enter_loose(Span *span);
void exit_loose(Span *span, PyObject *error);

/* Drop the loose uses of a span that goes. */
void forget_loose(Span *span);

/* Write the end of what began in a session, if that still runs. */
static inline void put_end(uint64_t session, uint32_t slot, PyObject *error)
{
    Buffer *buffer = probe_buffer;
    if (UNLIKELY(buffer == NULL || load_relaxed(&buffer->id) != session))
        return;
    if (LIKELY(error == Py_None))
        put(buffer, SPAN_END, 0, slot);
    else
        put_failed_end(buffer, slot, Py_TYPE(error));
    if (UNLIKELY(open_followed))
        open_ended(slot);
}

/* Write the begin of a use, and in which session it is; 0: in none. */
static inline uint32_t put_begin_of(Span *span, uint64_t *session)
{
    Buffer *buffer = probe_buffer;
    if (UNLIKELY(buffer == NULL)) {
        *session = 0;
        return 0;
    }
    *session = load_relaxed(&buffer->id);
    uint32_t slot = LIKELY(span->keys == NULL)
                        ? put_begin(span->name, &span->known)
                        : put_named(buffer, probe_names, SPAN_BEGIN, span->name, &span->known, span->keys, span->values);
    if (UNLIKELY(open_followed))
        open_begun(slot, span->name);
    return slot;
}

/* The arguments of a `set`, for the use that began at `slot`. NULL with an exception where they don't fit. */
PyObject *put_set(uint64_t session, uint32_t slot, PyObject *const *args, Py_ssize_t given, PyObject *keywords);

/* Error of a call (kind, error, traceback), borrowed; NULL with an exception where they don't fit. */
PyObject *error_of(PyObject *const *args, Py_ssize_t given, PyObject *keywords);

PyObject *repr_of(PyObject *name);

#endif
