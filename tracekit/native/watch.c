/* Watch: the classes whose waits are recorded. Knows each of them. */
#include "watch.h"

#include "frames.h"
#include "held.h"
#include "holders.h"
#include "home.h"
#include "join.h"
#include "locks.h"
#include "semaphore.h"
#include "simple_queue.h"
#include "waits.h"

#include <pthread.h>

PyInterpreterState *home;

static const struct {
    const char *name;
    int (*watch)(PyTypeObject *type);
} KINDS[] = {
    {"_thread.lock", watch_lock},
    {"_thread.RLock", watch_rlock},
    {"_thread._ThreadHandle", watch_join},
    {"_queue.SimpleQueue", watch_simple_queue},
    {"_multiprocessing.SemLock", watch_semaphore},
};

static PyObject *watch(PyObject *module, PyObject *type)
{
    (void)module;
    if (!PyType_Check(type)) {
        PyErr_SetString(PyExc_TypeError, "watch() takes a class");
        return NULL;
    }
    learn_frames();
    if (prepare_waits() < 0)
        return NULL;
    locks_are_watched = true;
    for (size_t at = 0; at < sizeof KINDS / sizeof *KINDS; at++)
        if (strcmp(((PyTypeObject *)type)->tp_name, KINDS[at].name) == 0) {
            if (KINDS[at].watch((PyTypeObject *)type) < 0)
                return NULL;
            Py_RETURN_NONE;
        }
    PyErr_Format(PyExc_TypeError, "%R is no lock that we know", type);
    return NULL;
}

static PyObject *unwatch(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    unwatch_locks();
    unwatch_join();
    unwatch_simple_queue();
    unwatch_semaphore();
    locks_are_watched = false;
    forget_all_locks();
    Py_RETURN_NONE;
}

/* In a fork's child, before any code of Python: whoever waited does so in the parent. */
static void forked(void)
{
    forget_waiters();
    inherit_holders();
}

int begin_watching(void)
{
    home = PyInterpreterState_Get();
    static bool watched;
    if (!watched && pthread_atfork(NULL, NULL, forked) != 0) {
        PyErr_NoMemory();
        return -1;
    }
    watched = true;
    return 0;
}

PyMethodDef watch_methods[] = {
#ifndef Py_GIL_DISABLED /* what is known of a lock changes under the GIL alone */
    {"watch", watch, METH_O, "watch(type)\n--\n\nRecord the waits for objects of one of the classes that locks are made of."},
    {"unwatch", unwatch, METH_NOARGS, "unwatch()\n--\n\nRecord no waits any more."},
#endif
    {NULL, NULL, 0, NULL},
};
