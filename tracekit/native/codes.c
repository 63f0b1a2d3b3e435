/* Codes: what those that run again and again are called, and whose they are. Knows no frame and no coroutine. */
#include "codes.h"

#include "probes.h"

enum { BITS = 11, PLACES_OF_CODES = 1 << BITS, WAYS = 4, WHOLE_FUNCTION = -2 };

/* What Python says of a code. */
typedef struct {
    PyObject *text; /* a reference of its own */
    int whose;
} Answer;

/* The code and the name are held, so that their addresses stay their own. */
typedef struct {
    PyObject *code, *name;
    int last; /* of an instruction; WHOLE_FUNCTION */
    Answer answer;
    uint64_t table; /* where the text has this id */
    uint32_t id;
} Known;

/* One lies at its own place or at one of the next. */
static Known known[PLACES_OF_CODES + WAYS - 1];

static Known *home_of(PyObject *code, int last)
{
    uint32_t mixed = (uint32_t)((uintptr_t)code >> 4) + (uint32_t)last * 0x9E3779B1u;
    return known + (mixed * 2654435761u >> (32 - BITS));
}

static inline Known *find(PyObject *code, PyObject *name, int last)
{
#ifndef Py_GIL_DISABLED
    Known *home = home_of(code, last);
    for (Known *place = home; place < home + WAYS; place++)
        if (LIKELY(place->code == code && place->name == name && place->last == last))
            return place;
#else
    (void)code, (void)name, (void)last;
#endif
    return NULL;
}

/* Where to put what is not there yet: an empty place, or any of those that it may have. */
static Known *place_for(PyObject *code, int last)
{
    static unsigned turns;
    Known *home = home_of(code, last);
    for (Known *place = home; place < home + WAYS; place++)
        if (place->code == NULL)
            return place;
    return home + turns++ % WAYS;
}

static void remember(PyObject *code, PyObject *name, int last, Answer answer)
{
    Known *place = find(code, name, last); /* somebody may have been quicker */
    if (place == NULL)
        place = place_for(code, last);
    Known old = *place;
    Py_INCREF(code);
    Py_INCREF(name);
    Py_INCREF(answer.text);
    *place = (Known){code, name, last, answer, 0, 0};
    Py_XDECREF(old.code);
    Py_XDECREF(old.name);
    Py_XDECREF(old.answer.text);
}

static PyObject *ask_for_function(PyObject *code, PyObject *name)
{
    static PyObject *facts;
    if (from_package(&facts, "tracekit.hooks.code", "code_facts") == NULL)
        return NULL;
    return PyObject_CallFunctionObjArgs(facts, code, name, NULL);
}

static PyObject *ask_for_place(PyObject *code, PyObject *name, int last)
{
    static PyObject *place;
    if (from_package(&place, "tracekit.hooks.code", "place_text") == NULL)
        return NULL;
    PyObject *text = PyObject_CallFunction(place, "OOi", code, name, last);
    PyObject *both = text == NULL ? NULL : Py_BuildValue("(Ni)", text, USERS);
    return both;
}

static COLD int ask(PyObject *code, PyObject *name, int last, Answer *answer)
{
    PyObject *told = last == WHOLE_FUNCTION ? ask_for_function(code, name) : ask_for_place(code, name, last);
    if (told == NULL || !PyArg_ParseTuple(told, "Ui", &answer->text, &answer->whose)) {
        Py_XDECREF(told);
        return -1;
    }
    Py_INCREF(answer->text);
    Py_DECREF(told);
#ifndef Py_GIL_DISABLED
    remember(code, name, last, *answer);
#endif
    return 0;
}

int whose_code(PyObject *code, PyObject *name, bool may_ask)
{
    Known *found = find(code, name, WHOLE_FUNCTION);
    if (LIKELY(found != NULL))
        return found->answer.whose;
    if (!may_ask)
        return NOT_KNOWN;
    Answer answer;
    if (ask(code, name, WHOLE_FUNCTION, &answer) < 0)
        return -1;
    Py_DECREF(answer.text);
    return answer.whose;
}

/* The id of a text in the names of now, which may be others than those that it was put down in before. */
static COLD int64_t put_down(PyObject *code, PyObject *name, int last)
{
    Known *found = find(code, name, last);
    Answer answer = {NULL, USERS};
    if (found != NULL)
        Py_INCREF(answer.text = found->answer.text);
    else if (ask(code, name, last, &answer) < 0)
        return -1;
    Names *names = probe_names;
    int64_t id = names == NULL ? 0 : look_up_or_intern(names, answer.text);
    found = find(code, name, last);
    if (id > 0 && found != NULL && names == probe_names) {
        found->table = names->number;
        found->id = (uint32_t)id;
    }
    Py_DECREF(answer.text);
    return id;
}

static int64_t id_of_known(PyObject *code, PyObject *name, int last, bool may_ask)
{
    Known *found = find(code, name, last);
    if (LIKELY(found != NULL && probe_names != NULL && found->table == probe_names->number))
        return found->id;
    return may_ask ? put_down(code, name, last) : NOT_KNOWN;
}

int64_t id_of_function(PyObject *code, PyObject *name, bool may_ask)
{
    return id_of_known(code, name, WHOLE_FUNCTION, may_ask);
}

int64_t id_of_place(PyObject *code, PyObject *name, int last, bool may_ask)
{
    return id_of_known(code, name, last, may_ask);
}
