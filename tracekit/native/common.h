/* What every file of the core needs: Python, differences between its versions, and small tools. Knows no noun of tracekit. */
#ifndef TRACEKIT_COMMON_H
#define TRACEKIT_COMMON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define COLD __attribute__((noinline, cold))

/* Objects that come and go with every use of a probe are kept for the next one; not where threads run at once. */
#ifdef Py_GIL_DISABLED
#define MOST_SPARE 0
#else
#define MOST_SPARE 256
#endif

#ifndef Py_BEGIN_CRITICAL_SECTION
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION() }
#endif

/* The program's own exception, put aside while ours is at work. */
typedef struct {
#if PY_VERSION_HEX >= 0x030C0000
    PyObject *raised;
#else
    PyObject *type, *value, *traceback;
#endif
} Pending;

static inline Pending put_aside(void)
{
    Pending pending;
#if PY_VERSION_HEX >= 0x030C0000
    pending.raised = PyErr_GetRaisedException();
#else
    PyErr_Fetch(&pending.type, &pending.value, &pending.traceback);
#endif
    return pending;
}

static inline void put_back(Pending pending)
{
#if PY_VERSION_HEX >= 0x030C0000
    PyErr_SetRaisedException(pending.raised);
#else
    PyErr_Restore(pending.type, pending.value, pending.traceback);
#endif
}

/* The class of what was put aside, borrowed; NULL where there was no exception. */
static inline PyTypeObject *class_of(const Pending *pending)
{
#if PY_VERSION_HEX >= 0x030C0000
    return pending->raised == NULL ? NULL : Py_TYPE(pending->raised);
#else
    return (PyTypeObject *)pending->type;
#endif
}

/* Forget an exception of ours that came up in a probe. An interrupt, an exit, and what a signal handler raised that fell into
   it reach the program a moment later. */
void swallow(void);

/* A number that no other caller ever gets; never 0. */
uint64_t next_number(void);

/* A text that is interned once, and where it is held. */
typedef struct {
    PyObject **place;
    const char *text;
} Interned;

/* Intern texts, up to the one without a place; -1 with an exception. */
int intern_all(const Interned *texts);

/* An attribute of a module of the package, looked up once and held in `place`; borrowed, NULL with an exception. */
PyObject *from_package(PyObject **place, const char *module, const char *name);

/* The attribute of an object, a new reference; NULL without an exception where it has none, -1 where that failed. */
int look_up_attribute(PyObject *object, PyObject *name, PyObject **found);

/* A method that is written in C and takes arguments of this kind (METH_…), as it is called in C; NULL without an exception
   where it is none. */
PyCFunction method_of(PyTypeObject *type, const char *name, int flags);

/* What reads an attribute that is written in C, likewise; it needs no closure. */
getter getter_of(PyTypeObject *type, const char *name);

/* Whether a type has this name, in whatever module. */
bool is_called(PyTypeObject *type, const char *name);

/* The low 32 bits of an int, whose reference is given up (it may be NULL); -1 with an exception. */
int64_t take_serial(PyObject *number);

/* The truth of an answer, whose reference is given up (it may be NULL); -1 with an exception. */
static inline int truth_of(PyObject *answer)
{
    int truth = answer == NULL ? -1 : answer == Py_False ? 0 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return truth;
}

/* Take an object into use again that was kept when it went. */
static inline void revive(PyObject *object)
{
#if defined(Py_DEBUG) || defined(Py_TRACE_REFS) || defined(Py_GIL_DISABLED)
    _Py_NewReference(object);
#else
    Py_SET_REFCNT(object, 1);
#endif
}

/* A place among 2**bits for an object, by its address. */
static inline unsigned place_of_address(const void *object, unsigned bits)
{
    return (uint32_t)((uintptr_t)object >> 4) * 2654435761u >> (32 - bits);
}

/* Arguments of a call, by position and by name, as `def function(names...)` would take them; those not given are left alone.
   Returns -1 with a TypeError where they do not fit. */
int take_arguments(const char *function, PyObject *const *args, Py_ssize_t given, PyObject *keywords,
                   const char *const *names, int most, int needed, PyObject **out);

#endif
