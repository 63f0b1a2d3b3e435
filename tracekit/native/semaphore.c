/* Semaphore: the methods of what multiprocessing makes its locks of, which record who takes, frees and waits.

   Who has it may be in another process, so that each acquire and release is recorded. All processes know it by the same memory. */
#include "semaphore.h"

#include "asked.h"
#include "home.h"
#include "replaced.h"
#include "waits.h"

#include <stdio.h>

enum { RECURSIVE = 0 };

static PyCFunction acquire, enter, release, leave, depth, owned;

/* The number of the file that is mapped at an address; 0: not known. */
static COLD uint64_t file_at(uintptr_t address)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    uint64_t number = 0;
    unsigned long from, to, file;
    while (maps != NULL && number == 0 && fgets(line, sizeof line, maps) != NULL)
        if (sscanf(line, "%lx-%lx %*s %*s %*s %lu", &from, &to, &file) == 3 && from <= address && address < to)
            number = file;
    if (maps != NULL)
        fclose(maps);
    return number;
}

static long number_in(PyObject *self, const char *name)
{
    PyObject *attribute = PyObject_GetAttrString(self, name);
    long number = attribute == NULL ? -1 : PyLong_AsLong(attribute);
    Py_XDECREF(attribute);
    PyErr_Clear();
    return number;
}

static uint64_t shared_of(PyObject *self)
{
    Held *held = find_held(self);
    if (held != NULL && held->shared != 0)
        return held->shared;
    uint64_t shared = file_at((uintptr_t)number_in(self, "handle"));
    if (serial_of_lock(self) != 0)
        find_held(self)->shared = shared;
    return shared;
}

static Waited describe(PyObject *self)
{
    const char *name = number_in(self, "kind") == RECURSIVE  ? "multiprocessing.RLock"
                       : number_in(self, "maxvalue") == 1 ? "multiprocessing.Lock"
                                                          : "multiprocessing.Semaphore";
    return (Waited){.name = name, .shared = shared_of(self)};
}

/* Whether it is taken once: more often only the thread that has it already takes it. */
static bool is_taken_once(PyObject *self)
{
    PyObject *number = depth(self, NULL);
    long count = number == NULL ? -1 : PyLong_AsLong(number);
    Py_XDECREF(number);
    PyErr_Clear();
    return count == 1;
}

static void take(PyObject *self)
{
    bool is_recursive = number_in(self, "kind") == RECURSIVE;
    if (is_recursive ? is_taken_once(self) : number_in(self, "maxvalue") == 1)
        take_shared(self, describe(self));
}

static void let_go(PyObject *self)
{
    if (number_in(self, "kind") != RECURSIVE || (is_taken_once(self) && truth_of(owned(self, NULL)) > 0))
        release_shared(self, shared_of(self));
    PyErr_Clear();
}

/* The semaphore, if it can be had at once: True; else False; NULL with an exception. */
static PyObject *try_at_once(PyObject *self)
{
    PyObject *wait = Py_False;
    return AS_FAST_KEYWORDS(acquire)(self, &wait, 1, NULL);
}

static PyObject *semaphore_acquire(PyObject *self, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    if (!is_home())
        return AS_FAST_KEYWORDS(acquire)(self, args, given, keywords);
    bool may_wait = asked_of_others(args, given, keywords) == MAY_WAIT;
    PyObject *taken = may_wait ? try_at_once(self) : AS_FAST_KEYWORDS(acquire)(self, args, given, keywords);
    if (may_wait && taken == Py_False) {
        Py_DECREF(taken);
        Wait wait;
        begin_wait(&wait, self, describe(self));
        taken = AS_FAST_KEYWORDS(acquire)(self, args, given, keywords);
        end_wait(&wait, taken == Py_True);
    }
    if (taken == Py_True)
        take(self);
    return taken;
}

static PyObject *semaphore_enter(PyObject *self, PyObject *unused)
{
    return is_home() ? semaphore_acquire(self, NULL, 0, NULL) : enter(self, unused);
}

static PyObject *semaphore_release(PyObject *self, PyObject *unused)
{
    if (is_home())
        let_go(self);
    return release(self, unused);
}

static PyObject *semaphore_leave(PyObject *self, PyObject *const *args, Py_ssize_t given)
{
    if (is_home())
        let_go(self);
    return AS_FAST(leave)(self, args, given);
}

static const Replacement OF_SEMAPHORE[] = {
    {"acquire", METH_FASTCALL | METH_KEYWORDS, AS_FUNCTION(semaphore_acquire), &acquire},
    {"__enter__", METH_NOARGS, semaphore_enter, &enter},
    {"release", METH_NOARGS, semaphore_release, &release},
    {"__exit__", METH_FASTCALL, AS_FUNCTION(semaphore_leave), &leave},
    {NULL, 0, NULL, NULL},
};

static void semaphore_dealloc(PyObject *self);

static Replaced in_semaphore = {.methods = OF_SEMAPHORE, .ours = semaphore_dealloc};

static void semaphore_dealloc(PyObject *self)
{
    forget_lock(self);
    in_semaphore.original(self);
}

int watch_semaphore(PyTypeObject *type)
{
    depth = method_of(type, "_count", METH_NOARGS);
    owned = method_of(type, "_is_mine", METH_NOARGS);
    if (depth == NULL || owned == NULL) {
        PyErr_Format(PyExc_TypeError, "%s is not what it was", type->tp_name);
        return -1;
    }
    return replace_in(&in_semaphore, type);
}

void unwatch_semaphore(void)
{
    put_back_in(&in_semaphore);
}
