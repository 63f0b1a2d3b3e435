/* Locks: the methods of Python's locks of one process, which record who waits. Knows Lock and RLock, and what they are made of.

   Each tries first whether it gets the lock at once, as the original does; only if not, the original is called, with all that it
   does about timeouts and signals. What objects are made of is compared once with what they do. */
#include "locks.h"

#include "asked.h"
#include "home.h"
#include "replaced.h"
#include "waits.h"

typedef struct {
    PyObject_HEAD
    PyThread_type_lock lock;
    PyObject *weak;
    char locked;
} Lock;

typedef struct {
    PyObject_HEAD
    PyThread_type_lock lock;
    unsigned long owner, count;
    PyObject *weak;
} RLock;

static const Waited A_LOCK = {.name = "Lock", .has_holder = true}, AN_RLOCK = {.name = "RLock", .has_holder = true};

static struct {
    PyCFunction acquire, release, reinit;
} lock, rlock;

static Replaced in_lock, in_rlock;

static struct {
    PyCFunction save, restore;
} condition; /* what RLock has for Condition.wait */

static inline bool is_at_once(PyObject *args, PyObject *keywords)
{
    return PyTuple_GET_SIZE(args) == 0 && keywords == NULL;
}

/* Call the original, which may wait; what it gives is whether it got the lock. */
static COLD PyObject *wait_for(PyObject *self, PyObject *args, PyObject *keywords, PyCFunction acquire, Waited waited)
{
    Wait wait;
    begin_wait(&wait, self, waited);
    PyObject *taken = AS_KEYWORDS(acquire)(self, args, keywords);
    end_wait(&wait, taken == Py_True);
    if (taken == Py_True)
        take_lock(self);
    return taken;
}

static COLD PyObject *only_try(PyObject *self, PyObject *args, PyObject *keywords, PyCFunction acquire)
{
    PyObject *taken = AS_KEYWORDS(acquire)(self, args, keywords);
    if (taken == Py_True)
        take_lock(self);
    return taken;
}

static PyObject *lock_acquire(Lock *self, PyObject *args, PyObject *keywords)
{
    PyObject *me = (PyObject *)self;
    if (UNLIKELY(!is_home()))
        return AS_KEYWORDS(lock.acquire)(me, args, keywords);
    if (UNLIKELY(!is_at_once(args, keywords)) && asked_of_lock(args, keywords) != MAY_WAIT)
        return only_try(me, args, keywords, lock.acquire);
    if (UNLIKELY(!PyThread_acquire_lock(self->lock, NOWAIT_LOCK)))
        return wait_for(me, args, keywords, lock.acquire, A_LOCK);
    self->locked = 1;
    take_lock(me);
    Py_RETURN_TRUE;
}

static PyObject *lock_release(Lock *self, PyObject *args)
{
    if (LIKELY(is_home() && self->locked))
        release_lock(self);
    return lock.release((PyObject *)self, args);
}

static inline bool is_mine(RLock *self)
{
    return self->count > 0 && self->owner == PyThread_get_thread_ident();
}

static PyObject *rlock_acquire(RLock *self, PyObject *args, PyObject *keywords)
{
    PyObject *me = (PyObject *)self;
    if (is_mine(self) || UNLIKELY(!is_home()))
        return AS_KEYWORDS(rlock.acquire)(me, args, keywords);
    if (UNLIKELY(!is_at_once(args, keywords)) && asked_of_lock(args, keywords) != MAY_WAIT)
        return only_try(me, args, keywords, rlock.acquire);
    if (UNLIKELY(!PyThread_acquire_lock(self->lock, NOWAIT_LOCK)))
        return wait_for(me, args, keywords, rlock.acquire, AN_RLOCK);
    self->owner = PyThread_get_thread_ident();
    self->count = 1;
    take_lock(me);
    Py_RETURN_TRUE;
}

static PyObject *rlock_release(RLock *self, PyObject *args)
{
    if (self->count == 1 && is_mine(self) && is_home())
        release_lock(self);
    return rlock.release((PyObject *)self, args);
}

static PyObject *rlock_save(RLock *self, PyObject *unused)
{
    if (self->count > 0 && is_home())
        release_lock(self);
    return condition.save((PyObject *)self, unused);
}

static PyObject *rlock_restore(RLock *self, PyObject *args)
{
    if (UNLIKELY(!is_home()))
        return condition.restore((PyObject *)self, args);
    Wait wait = {.serial = 0};
    if (PyThread_acquire_lock(self->lock, NOWAIT_LOCK))
        PyThread_release_lock(self->lock); /* the original takes it, and sets more than that */
    else
        begin_wait(&wait, self, AN_RLOCK);
    PyObject *done = condition.restore((PyObject *)self, args);
    end_wait(&wait, done != NULL);
    if (done != NULL)
        take_lock(self);
    return done;
}

/* In a fork's child it is free again, whoever had it. */
static PyObject *lock_reinit(PyObject *self, PyObject *unused)
{
    if (is_home())
        forget_lock(self);
    return lock.reinit(self, unused);
}

static PyObject *rlock_reinit(PyObject *self, PyObject *unused)
{
    if (is_home())
        forget_lock(self);
    return rlock.reinit(self, unused);
}

static void lock_dealloc(PyObject *self)
{
    forget_lock(self);
    in_lock.original(self);
}

static void rlock_dealloc(PyObject *self)
{
    forget_lock(self);
    in_rlock.original(self);
}

static const Replacement OF_LOCK[] = {
    {"acquire", METH_VARARGS | METH_KEYWORDS, AS_FUNCTION(lock_acquire), &lock.acquire},
    {"acquire_lock", METH_VARARGS | METH_KEYWORDS, AS_FUNCTION(lock_acquire), &lock.acquire},
    {"__enter__", METH_VARARGS | METH_KEYWORDS, AS_FUNCTION(lock_acquire), &lock.acquire},
    {"release", METH_NOARGS, AS_FUNCTION(lock_release), &lock.release},
    {"release_lock", METH_NOARGS, AS_FUNCTION(lock_release), &lock.release},
    {"__exit__", METH_VARARGS, AS_FUNCTION(lock_release), &lock.release},
    {"_at_fork_reinit", METH_NOARGS, lock_reinit, &lock.reinit},
    {NULL, 0, NULL, NULL},
};

static const Replacement OF_RLOCK[] = {
    {"acquire", METH_VARARGS | METH_KEYWORDS, AS_FUNCTION(rlock_acquire), &rlock.acquire},
    {"__enter__", METH_VARARGS | METH_KEYWORDS, AS_FUNCTION(rlock_acquire), &rlock.acquire},
    {"release", METH_NOARGS, AS_FUNCTION(rlock_release), &rlock.release},
    {"__exit__", METH_VARARGS, AS_FUNCTION(rlock_release), &rlock.release},
    {"_release_save", METH_NOARGS, AS_FUNCTION(rlock_save), &condition.save},
    {"_acquire_restore", METH_VARARGS, AS_FUNCTION(rlock_restore), &condition.restore},
    {"_at_fork_reinit", METH_NOARGS, rlock_reinit, &rlock.reinit},
    {NULL, 0, NULL, NULL},
};

static bool is_free(PyThread_type_lock lock)
{
    bool got = PyThread_acquire_lock(lock, NOWAIT_LOCK);
    if (got)
        PyThread_release_lock(lock);
    return got;
}

/* Whether a new one is free, taken after an acquire and free after a release, where we look for that; -1 with an exception. */
static int behaves(PyTypeObject *type, bool (*is_taken)(PyObject *), PyObject *one)
{
    if (one == NULL || !Py_IS_TYPE(one, type))
        return one == NULL ? -1 : 0;
    bool before = is_taken(one);
    int called = truth_of(PyObject_CallMethod(one, "acquire", NULL));
    bool between = is_taken(one);
    PyObject *released = called < 0 ? NULL : PyObject_CallMethod(one, "release", NULL);
    Py_XDECREF(released);
    return released == NULL ? -1 : !before && between && !is_taken(one);
}

static bool is_lock_taken(PyObject *one)
{
    return ((Lock *)one)->locked && !is_free(((Lock *)one)->lock);
}

static bool is_rlock_taken(PyObject *one)
{
    return is_mine((RLock *)one) && ((RLock *)one)->count == 1 && !is_free(((RLock *)one)->lock);
}

static PyObject *new_lock(void)
{
    static PyObject *allocate;
    return from_package(&allocate, "_thread", "allocate_lock") == NULL ? NULL : PyObject_CallNoArgs(allocate);
}

static bool has_layout(PyTypeObject *type, size_t size, size_t weak)
{
    return type->tp_basicsize == (Py_ssize_t)size && type->tp_weaklistoffset == (Py_ssize_t)weak;
}

static int check(PyTypeObject *type, bool has_layout, bool (*is_taken)(PyObject *), PyObject *one)
{
    int behaving = has_layout ? behaves(type, is_taken, one) : 0;
    Py_XDECREF(one);
    if (behaving == 0)
        PyErr_Format(PyExc_TypeError, "%s is not what it was", type->tp_name);
    return behaving > 0 ? 0 : -1;
}

static Replaced in_lock = {.methods = OF_LOCK, .ours = lock_dealloc}, in_rlock = {.methods = OF_RLOCK, .ours = rlock_dealloc};

int watch_lock(PyTypeObject *type)
{
    bool is_known = has_layout(type, sizeof(Lock), offsetof(Lock, weak));
    return check(type, is_known, is_lock_taken, new_lock()) < 0 ? -1 : replace_in(&in_lock, type);
}

int watch_rlock(PyTypeObject *type)
{
    bool is_known = has_layout(type, sizeof(RLock), offsetof(RLock, weak));
    PyObject *one = PyObject_CallNoArgs((PyObject *)type);
    return check(type, is_known, is_rlock_taken, one) < 0 ? -1 : replace_in(&in_rlock, type);
}

void unwatch_locks(void)
{
    put_back_in(&in_lock);
    put_back_in(&in_rlock);
}
