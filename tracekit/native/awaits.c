/* Awaits: what a pending task waits for, and where, as details of the end of its step. Knows no step. */
#include "awaits.h"

#include "chain.h"
#include "codes.h"
#include "mark.h"
#include "probes.h"

static struct {
    PyObject *waiter, *coroutine, *name, *module;
} names;

int begin_awaits(void)
{
    static const Interned texts[] = {
        {&names.waiter, "_fut_waiter"}, {&names.coroutine, "get_coro"}, {&names.name, "__name__"}, {&names.module, "__module__"},
        {NULL, NULL},
    };
    return intern_all(texts);
}

/* A new reference to a task's future, or NULL without an exception; -1 with one. */
static int waiter_of(PyObject *task, PyObject **waiter)
{
    if (LIKELY(Py_TYPE(task) == known_tasks.task)) {
        *waiter = known_tasks.waiter(task, NULL);
        return *waiter == NULL ? -1 : 1;
    }
    return look_up_attribute(task, names.waiter, waiter);
}

static int add_stand(PyObject *task, bool may_ask, FewDetails *details)
{
    PyObject *coroutine = Py_TYPE(task) == known_tasks.task ? known_tasks.get_coro(task, NULL)
                                                            : PyObject_CallMethodNoArgs(task, names.coroutine);
    Stand stand;
    int failed = coroutine == NULL ? -1 : stand_of(coroutine, may_ask, &stand);
    Py_XDECREF(coroutine);
    if (failed == 0)
        add_one(details, AWAITS, stand.where | (uint64_t)stand.what << 32);
    return failed;
}

static int add_awaited_task(PyObject *waiter, FewDetails *details)
{
    uint32_t serial;
    int known = probe_buffer == NULL ? 0 : serial_of(waiter, probe_buffer->id, &serial);
    if (known > 0)
        add_one(details, AWAITED_TASK, serial);
    return known < 0 ? -1 : 0;
}

static bool is_one_of(PyObject *text, const char *const *texts)
{
    for (; *texts != NULL; texts++)
        if (PyUnicode_CompareWithASCIIString(text, *texts) == 0)
            return true;
    return false;
}

/* Whether it is one of asyncio's own two classes, which there are in Python as well; -1 with an exception. */
static int is_plain(PyTypeObject *type, PyObject *name)
{
    static const char *const own_names[] = {"Future", "Task", NULL};
    static const char *const own_modules[] = {"_asyncio", "asyncio.futures", "asyncio.tasks", NULL};
    if (!is_one_of(name, own_names))
        return 0;
    PyObject *module = PyObject_GetAttr((PyObject *)type, names.module);
    int plain = module == NULL ? -1 : PyUnicode_Check(module) && is_one_of(module, own_modules);
    Py_XDECREF(module);
    return plain;
}

static int add_class(PyTypeObject *type, bool may_ask, FewDetails *details)
{
    PyObject *name = PyObject_GetAttr((PyObject *)type, names.name);
    int plain = name == NULL ? -1 : PyUnicode_Check(name) ? is_plain(type, name) : 1;
    int64_t id = 0;
    if (plain == 0 && probe_names != NULL) {
        id = known_by_address(probe_names, name);
        if (id == 0)
            id = may_ask ? look_up_or_intern(probe_names, name) : NOT_KNOWN;
    }
    Py_XDECREF(name);
    if (plain == 0 && id >= 0)
        add_one(details, AWAITED, (uint64_t)id);
    return plain < 0 ? -1 : id < 0 ? (int)id : 0;
}

static int add_waiter(PyObject *waiter, bool may_ask, FewDetails *details)
{
    PyTypeObject *type = Py_TYPE(waiter);
    if (LIKELY(type == known_tasks.future))
        return 0;
    if (!may_ask && type->tp_getattro != PyObject_GenericGetAttr)
        return NOT_KNOWN;
    int failed = add_awaited_task(waiter, details);
    return failed < 0 || type == known_tasks.task ? failed : add_class(type, may_ask, details);
}

int look_what_it_awaits(PyObject *task, bool may_ask, FewDetails *details)
{
    PyObject *waiter;
    int failed = waiter_of(task, &waiter);
    if (failed < 0)
        return -1;
    failed = 0;
    if (waiter != NULL && waiter != Py_None) {
        failed = add_stand(task, may_ask, details);
        if (failed == 0)
            failed = add_waiter(waiter, may_ask, details);
    }
    Py_XDECREF(waiter);
    return failed;
}
