/* Chain: coroutines and generators that wait for each other. Knows no task.

   Nothing of a chain is held any longer than the look at it takes. */
#include "chain.h"

#include "codes.h"
#include "frames.h"
#include "probes.h"

enum { DEEPEST = 100000 }; /* in a chain that leads into itself somebody has to stop */

/* What something is that is waited for. */
enum link { LINK, STAND_IN, STRANGE, END };

static const char *const STAND_INS[] = {"coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "anext_awaitable"};

static struct {
    PyObject *coroutine, *generator, *async_generator;
} names;

/* How each of Python's three types says what it waits for. */
static getter of_coroutine, of_generator, of_async_generator;

/* What a future's `__await__` gives: so most chains end. NULL as long as none was seen. */
static PyTypeObject *future_iterator;

int begin_chains(void)
{
    static const Interned texts[] = {
        {&names.coroutine, "cr_await"}, {&names.generator, "gi_yieldfrom"}, {&names.async_generator, "ag_await"}, {NULL, NULL}};
    of_coroutine = getter_of(&PyCoro_Type, "cr_await");
    of_generator = getter_of(&PyGen_Type, "gi_yieldfrom");
    of_async_generator = getter_of(&PyAsyncGen_Type, "ag_await");
    if (of_coroutine == NULL || of_generator == NULL || of_async_generator == NULL) {
        PyErr_SetString(PyExc_ImportError, "coroutines are not what they were");
        return -1;
    }
    return intern_all(texts);
}

static inline bool is_link(PyObject *object)
{
    return PyCoro_CheckExact(object) || PyGen_CheckExact(object) || PyAsyncGen_CheckExact(object);
}

static bool is_stand_in(PyTypeObject *type)
{
    for (size_t at = 0; at < sizeof STAND_INS / sizeof *STAND_INS; at++)
        if (is_called(type, STAND_INS[at]))
            return true;
    return false;
}

static COLD enum link other_kind(PyTypeObject *type)
{
    if (is_called(type, "FutureIter") && future_iterator == NULL && PyType_HasFeature(type, Py_TPFLAGS_IMMUTABLETYPE)) {
        Py_INCREF(type);
        future_iterator = type;
    }
    if (is_stand_in(type))
        return STAND_IN;
    return _PyType_Lookup(type, names.coroutine) || _PyType_Lookup(type, names.generator) ||
                   _PyType_Lookup(type, names.async_generator)
               ? STRANGE
               : END;
}

static inline enum link kind_of(PyObject *object)
{
    if (LIKELY(is_link(object)))
        return LINK;
    return LIKELY(Py_TYPE(object) == future_iterator) ? END : other_kind(Py_TYPE(object));
}

static int take_first_link(PyObject *object, void *found)
{
    if (!is_link(object) && !is_stand_in(Py_TYPE(object)))
        return 0;
    *(PyObject **)found = object;
    return 1;
}

/* What something stands in for, or that waits for; a new reference, NULL: nothing. */
static PyObject *next_of(PyObject *object, enum link kind)
{
    if (kind == LINK)
        return PyCoro_CheckExact(object)  ? of_coroutine(object, NULL)
               : PyGen_CheckExact(object) ? of_generator(object, NULL)
                                          : of_async_generator(object, NULL);
    PyObject *found = NULL;
    if (Py_TYPE(object)->tp_traverse != NULL)
        Py_TYPE(object)->tp_traverse(object, take_first_link, &found);
    Py_XINCREF(found);
    return found;
}

/* Whether two codes come from files in the same folder. */
static COLD bool are_neighbours(PyObject *code, PyObject *other)
{
    const char *file = PyUnicode_AsUTF8(((PyCodeObject *)code)->co_filename);
    const char *beside = PyUnicode_AsUTF8(((PyCodeObject *)other)->co_filename);
    const char *end = file == NULL ? NULL : strrchr(file, '/'), *its_end = beside == NULL ? NULL : strrchr(beside, '/');
    PyErr_Clear();
    return end != NULL && its_end != NULL && end - file == its_end - beside && memcmp(file, beside, (size_t)(end - file)) == 0;
}

/* Keep what is wanted of a link. */
static int look_at(PyObject *link, bool may_ask, Spot *innermost, Spot *users)
{
    Spot spot;
    int found = spot_of(link, &spot);
    if (found <= 0)
        return found;
    int whose = whose_code(spot.code, spot.name, may_ask);
    bool serves = UNLIKELY(whose == WAITERS) && innermost->code != NULL && are_neighbours(innermost->code, spot.code);
    if (LIKELY(whose >= 0 && whose != WRAPPERS && !serves)) {
        Spot *place = whose == USERS ? users : innermost;
        if (whose == USERS)
            drop_spot(innermost); /* the user's own is the innermost one so far */
        Spot old = *place;
        *place = spot;
        spot = old;
    }
    drop_spot(&spot);
    return whose < 0 ? whose : 0;
}

/* Everything from the outermost on, whose reference is given up. STRANGE: Python has to follow it. */
static int follow(PyObject *object, bool may_ask, Spot *innermost, Spot *users)
{
    int answer = 0;
    for (int depth = 0; answer == 0 && object != NULL && object != Py_None && depth < DEEPEST; depth++) {
        enum link kind = kind_of(object);
        if (UNLIKELY(kind == END))
            break;
        if (LIKELY(kind == LINK))
            answer = look_at(object, may_ask, innermost, users);
        else if (kind == STRANGE)
            answer = STRANGE;
        PyObject *next = answer == 0 ? next_of(object, kind) : NULL;
        Py_DECREF(object);
        object = next;
    }
    Py_XDECREF(object);
    return answer;
}

static int64_t id_of_text(PyObject *text)
{
    return PyUnicode_GET_LENGTH(text) == 0 || probe_names == NULL ? 0 : look_up_or_intern(probe_names, text);
}

static COLD int ask_python(PyObject *coroutine, Stand *stand)
{
    static PyObject *awaits;
    if (from_package(&awaits, "tracekit.hooks.chain", "awaits") == NULL)
        return -1;
    PyObject *answer = PyObject_CallFunctionObjArgs(awaits, coroutine, NULL), *where, *what;
    int64_t first = -1, second = -1;
    if (answer != NULL && PyArg_ParseTuple(answer, "UU", &where, &what)) {
        first = id_of_text(where);
        second = first < 0 ? -1 : id_of_text(what);
    }
    Py_XDECREF(answer);
    *stand = (Stand){(uint32_t)first, (uint32_t)second};
    return second < 0 ? -1 : 0;
}

/* The innermost one of all is the user's where nothing lies within that. */
static int name_both(const Spot *innermost, const Spot *users, bool may_ask, Stand *stand)
{
    const Spot *function = innermost->code != NULL ? innermost : users;
    int64_t where = users->code == NULL ? 0 : id_of_place(users->code, users->name, users->last, may_ask);
    if (where < 0)
        return (int)where;
    int64_t what = function->code == NULL ? 0 : id_of_function(function->code, function->name, may_ask);
    if (what < 0)
        return (int)what;
    *stand = (Stand){(uint32_t)where, (uint32_t)what};
    return 0;
}

int stand_of(PyObject *coroutine, bool may_ask, Stand *stand)
{
    Spot innermost = {NULL, NULL, 0}, users = {NULL, NULL, 0};
    Py_INCREF(coroutine);
    int answer = follow(coroutine, may_ask, &innermost, &users);
    if (LIKELY(answer == 0))
        answer = name_both(&innermost, &users, may_ask, stand);
    else if (answer == STRANGE)
        answer = may_ask ? ask_python(coroutine, stand) : NOT_KNOWN;
    drop_spot(&innermost);
    drop_spot(&users);
    return answer;
}
