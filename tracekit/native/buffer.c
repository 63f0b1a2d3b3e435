/* Buffer: where the threads of one process write their records, each into a block of its own. Knows no kind of event but CLOCK.

   The twin of spool/buffer.py. */
#include "buffer.h"

#include "probes.h"

#include <pthread.h>

__thread Mine mine QUICK_TLS;

/* How many forks this process is away from the one that loaded the module. */
static uint64_t forks;

enum { MOST_TURNS = 8 };
static const uint64_t FIRST_INTERVAL_NS = 1000000, LONGEST_INTERVAL_NS = 500000000;

/* In a fork's child, before any code of Python: nothing may be written into the parent's blocks. Other threads are not there. */
static void forked(void)
{
    probe_buffer = NULL;
    mine.owner = 0;
    forks++;
}

int watch_forks(void)
{
    static bool watched;
    if (!watched && pthread_atfork(NULL, NULL, forked) != 0) {
        PyErr_NoMemory();
        return -1;
    }
    watched = true;
    return 0;
}

bool room_in(PyObject *view, Py_ssize_t index, Py_ssize_t limit, Room *room)
{
    /* A memoryview is kept itself, not another one of the same memory: that it goes tells the spool that the block is free. */
    PyObject *own = PyMemoryView_Check(view) ? (Py_INCREF(view), view) : PyMemoryView_FromObject(view);
    if (own == NULL)
        return false;
    Py_buffer *memory = PyMemoryView_GET_BUFFER(own);
    if (memory->readonly || memory->itemsize != 8 || !PyBuffer_IsContiguous(memory, 'C') || index < 0 || index > limit ||
        limit > memory->len / 8) {
        PyErr_SetString(PyExc_ValueError, "not so many 64-bit words that can be written");
        Py_DECREF(own);
        return false;
    }
    room->view = own;
    room->words = memory->buf;
    return true;
}

/* What stands for the calling thread's block: None where it has none. */
static PyObject *handle(Buffer *buffer)
{
    if (mine.owner != buffer->id)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(mine.turns);
}

static bool is_mine(Buffer *buffer, PyObject *block)
{
    if (mine.owner != buffer->id)
        return block == Py_None;
    if (!PyLong_CheckExact(block))
        return false;
    unsigned long long turns = PyLong_AsUnsignedLongLong(block);
    if (turns == (unsigned long long)-1 && PyErr_Occurred())
        PyErr_Clear();
    return turns == mine.turns;
}

static uint64_t call_clock(Buffer *buffer)
{
    Pending pending = put_aside();
    PyObject *time = PyObject_CallObject(buffer->now, NULL);
    unsigned long long now = time == NULL ? 0 : PyLong_AsUnsignedLongLongMask(time);
    Py_XDECREF(time);
    swallow();
    put_back(pending);
    return now;
}

/* Ask for a block. Whether the thread has another one than before. */
static bool refill(Buffer *buffer)
{
    if (buffer->closed || buffer->forks != forks || buffer->refill == NULL)
        return false;
    uint64_t before = mine.owner == buffer->id ? mine.turns : 0;
    PyObject *full = handle(buffer);
    PyObject *done = full == NULL ? NULL : PyObject_CallFunctionObjArgs(buffer->refill, full, NULL);
    Py_XDECREF(full);
    Py_XDECREF(done);
    swallow();
    return mine.owner == buffer->id && mine.turns != before;
}

COLD bool claim_elsewhere(Buffer *buffer, size_t size, size_t *index, uint64_t *now)
{
    bool claimed = false;
    Pending pending = put_aside();
    Py_INCREF(buffer);
    bool tried = mine.owner != buffer->id || buffer->source != CALLED_CLOCK;
    for (int turn = 0; turn < MOST_TURNS && !claimed; turn++) {
        bool has_room = mine.owner == buffer->id && mine.next < mine.limit;
        if (tried && !has_room && !refill(buffer))
            break;
        tried = true;
        uint64_t turns = mine.turns;
        size_t at = mine.next;
        mine.next = at + size;
        *now = buffer->source == CLOCK_TSC            ? read_ticks()
               : buffer->source == CLOCK_MONOTONIC_NS ? monotonic_ns()
                                                      : call_clock(buffer);
        *index = at;
        claimed = mine.owner == buffer->id && mine.turns == turns && at + size <= mine.limit;
    }
    if (Py_REFCNT(buffer) == 1) /* nobody else has it any more: its memory goes with it */
        claimed = false;
    Py_DECREF(buffer);
    put_back(pending);
    return claimed;
}

static size_t at_most(size_t count, size_t most)
{
    return count < most ? count : most;
}

uint32_t put_with(Buffer *buffer, unsigned kind, uint32_t a, uint32_t b, const Details *first, const Details *second)
{
    size_t leading = at_most(first->count, MOST_DETAILS);
    size_t following = second == NULL ? 0 : at_most(second->count, MOST_DETAILS - leading);
    size_t index;
    uint64_t now;
    if (UNLIKELY(!claim(buffer, 2 + 2 * (leading + following), &index, &now)))
        return 0;
    memcpy(mine.words + index + 2, first->words, 16 * leading);
    if (following)
        memcpy(mine.words + index + 2 + 2 * leading, second->words, 16 * following);
    return commit(buffer, index, now, word_of(kind, a, b));
}

/* Say what CLOCK_MONOTONIC shows now, and when to say it next: soon at first, then ever less often. */
COLD void write_anchor(Buffer *buffer)
{
    uint64_t due = load_relaxed(&buffer->next_anchor);
    size_t index = mine.next;
    if (index + 4 > mine.limit ||
        !__atomic_compare_exchange_n(&buffer->next_anchor, &due, UINT64_MAX, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    mine.next = index + 4;
    uint64_t reading, monotonic;
    read_pair(&reading, &monotonic);
    uint64_t *record = mine.words + index;
    record[2] = monotonic;
    record[3] = READING;
    record[0] = reading;
    __atomic_store_n(record + 1, (uint64_t)CLOCK, __ATOMIC_RELEASE);
    uint64_t longer = 2 * buffer->anchor_interval;
    buffer->anchor_interval = longer < LONGEST_INTERVAL_NS ? longer : LONGEST_INTERVAL_NS;
    __atomic_store_n(&buffer->next_anchor, reading + ticks_in(buffer->anchor_interval), __ATOMIC_RELAXED);
}

static bool take_details(PyObject *list, Details *details)
{
    if (!PyList_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "details are a list of (word, payload)");
        return false;
    }
    Py_ssize_t most = PyList_GET_SIZE(list);
    most = most < MOST_DETAILS ? most : MOST_DETAILS;
    for (Py_ssize_t at = 0; at < most; at++) {
        PyObject *pair = PyList_GetItem(list, at);
        unsigned long long word, payload;
        if (pair == NULL || !PyArg_Parse(pair, "(KK)", &word, &payload))
            return false;
        details->words[2 * at] = payload;
        details->words[2 * at + 1] = word;
    }
    details->count = (unsigned)most;
    return true;
}

/* Field a or b. */
static bool take_field(PyObject *number, uint32_t *field)
{
    unsigned long value = number == NULL ? 0 : PyLong_AsUnsignedLongMask(number);
    *field = (uint32_t)value;
    return value != (unsigned long)-1 || !PyErr_Occurred();
}

static COLD PyObject *write_with(Buffer *self, uint32_t kind, uint32_t a, uint32_t b, PyObject *list)
{
    Details details;
    if (!take_details(list, &details))
        return NULL;
    return PyLong_FromUnsignedLong(put_with(self, kind, a, b, &details, NULL));
}

static PyObject *buffer_write(Buffer *self, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    static const char *const parameters[] = {"kind", "a", "b", "details"};
    PyObject *taken[4] = {NULL, NULL, NULL, Py_None};
    uint32_t kind, a, b;
    if (take_arguments("write", args, given, keywords, parameters, 4, 1, taken) < 0)
        return NULL;
    if (!take_field(taken[0], &kind) || !take_field(taken[1], &a) || !take_field(taken[2], &b))
        return NULL;
    if (taken[3] != Py_None)
        return write_with(self, kind & 0xFF, a, b, taken[3]);
    return PyLong_FromUnsignedLong(put(self, kind & 0xFF, a, b));
}

static PyObject *buffer_give(Buffer *self, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    static const char *const parameters[] = {"words", "index", "limit", "base", "full"};
    PyObject *taken[5] = {NULL, NULL, NULL, NULL, Py_None};
    if (take_arguments("give", args, given, keywords, parameters, 5, 4, taken) < 0)
        return NULL;
    Py_ssize_t index = PyLong_AsSsize_t(taken[1]), limit = PyLong_AsSsize_t(taken[2]);
    unsigned long base = PyLong_AsUnsignedLongMask(taken[3]);
    if (PyErr_Occurred())
        return NULL;
    if (self->closed || self->forks != forks || !is_mine(self, taken[4]))
        return handle(self);
    Room room;
    if (!room_in(taken[0], index, limit, &room))
        return NULL;
    PyObject *key = PyLong_FromVoidPtr(&mine);
    PyObject *kept = self->kept; /* a close that comes of what is let go of here takes the dict away */
    Py_XINCREF(kept);
    PyObject *old = key == NULL || kept == NULL ? NULL : PyDict_GetItemWithError(kept, key);
    Py_XINCREF(old); /* until nobody writes to it */
    int failed = key == NULL || kept == NULL || PyDict_SetItem(kept, key, room.view) < 0;
    if (!failed)
        mine = (Mine){
            .owner = self->id,
            .words = room.words,
            .next = (size_t)index,
            .limit = (size_t)(limit - index > LAST_WORDS ? limit - LAST_WORDS : index),
            .end = (size_t)limit,
            .base = (uint32_t)base,
            .turns = next_number(),
        };
#ifdef Py_GIL_DISABLED
    Py_XINCREF(old); /* for ever: another thread may not have seen yet that it is not current */
#endif
    Py_XDECREF(old);
    Py_XDECREF(kept);
    Py_XDECREF(key);
    Py_DECREF(room.view);
    return failed ? NULL : handle(self);
}

static PyObject *buffer_write_last(Buffer *self, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    static const char *const parameters[] = {"handle", "kind", "a", "b"};
    PyObject *taken[4] = {NULL, NULL, NULL, NULL};
    uint32_t kind, a, b;
    if (take_arguments("write_last", args, given, keywords, parameters, 4, 2, taken) < 0)
        return NULL;
    if (!take_field(taken[1], &kind) || !take_field(taken[2], &a) || !take_field(taken[3], &b))
        return NULL;
    if (taken[0] != Py_None && is_mine(self, taken[0]) && mine.next + 2 <= mine.end) {
        size_t limit = mine.limit;
        uint64_t turns = mine.turns;
        mine.limit = mine.next + 2;
        put(self, kind & 0xFF, a, b);
        if (mine.turns == turns)
            mine.limit = limit;
    }
    Py_RETURN_NONE;
}

static PyObject *buffer_leave(Buffer *self, PyObject *unused)
{
    (void)unused;
    if (mine.owner == self->id) {
        mine.owner = 0;
        PyObject *key = PyLong_FromVoidPtr(&mine);
        if (key == NULL || (self->kept != NULL && PyDict_DelItem(self->kept, key) < 0))
            PyErr_Clear();
        Py_XDECREF(key);
    }
    Py_RETURN_NONE;
}

/* The new id comes first: no thread may find itself the owner of memory that is gone. */
static void let_go(Buffer *self)
{
    __atomic_store_n(&self->id, next_number(), __ATOMIC_RELAXED);
    self->closed = true;
#ifndef Py_GIL_DISABLED /* there a thread may be in the middle of a record: what it writes to stays mapped */
    Py_CLEAR(self->kept);
#endif
}

static PyObject *buffer_close(Buffer *self, PyObject *unused)
{
    (void)unused;
    let_go(self);
    Py_RETURN_NONE;
}

static PyObject *buffer_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *parameters[] = {"refill", "clock", NULL};
    PyObject *refill_, *now = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O:Buffer", parameters, &refill_, &now))
        return NULL;
    Buffer *self = (Buffer *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->id = next_number();
    self->forks = forks;
    self->clock = self->source = now == Py_None ? best_clock() : CLOCK_MONOTONIC_NS;
    if (now != Py_None) {
        Py_INCREF(now);
        self->now = now;
        self->source = CALLED_CLOCK;
    }
    self->anchor_interval = FIRST_INTERVAL_NS;
    self->next_anchor = self->source == CLOCK_TSC ? read_ticks() + ticks_in(FIRST_INTERVAL_NS) : UINT64_MAX;
    Py_INCREF(refill_);
    self->refill = refill_;
    self->kept = PyDict_New();
    if (self->kept == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int buffer_traverse(Buffer *self, visitproc visit, void *arg)
{
    Py_VISIT(self->refill);
    Py_VISIT(self->now);
    Py_VISIT(self->kept);
    return 0;
}

static int buffer_clear(Buffer *self)
{
    let_go(self);
    Py_CLEAR(self->refill);
    return 0;
}

static void buffer_dealloc(Buffer *self)
{
    PyObject_GC_UnTrack(self);
    buffer_clear(self);
    Py_CLEAR(self->now);
    Py_CLEAR(self->kept);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *buffer_clock(Buffer *self, void *unused)
{
    (void)unused;
    return PyLong_FromLong(self->clock);
}

static PyMethodDef buffer_methods[] = {
    {"write", (PyCFunction)(void (*)(void))buffer_write, METH_FASTCALL | METH_KEYWORDS,
     "write($self, kind, a=0, b=0, details=None)\n--\n\nWrite one record with the time of now; returns its slot number."},
    {"give", (PyCFunction)(void (*)(void))buffer_give, METH_FASTCALL | METH_KEYWORDS,
     "give($self, words, index, limit, base, full=None)\n--\n\nThe calling thread writes words[index:limit] from now on."},
    {"write_last", (PyCFunction)(void (*)(void))buffer_write_last, METH_FASTCALL | METH_KEYWORDS,
     "write_last($self, handle, kind, a=0, b=0)\n--\n\n"
     "Write a record on a thread that is going, and whose local values are gone; left out if its block is full."},
    {"leave", (PyCFunction)buffer_leave, METH_NOARGS, "leave($self)\n--\n\nThe calling thread writes no more."},
    {"close", (PyCFunction)buffer_close, METH_NOARGS,
     "close($self)\n--\n\nNothing is written any more: what comes goes to where nobody reads."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef buffer_getset[] = {
    {"clock", (getter)buffer_clock, NULL, "What the times of records count: a CLOCK_ value of layout.py.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject Buffer_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tracekit._fast.Buffer",
    .tp_doc = "Buffer(refill, clock=None)\n--\n\nWrites the records of one process.",
    .tp_basicsize = sizeof(Buffer),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = buffer_new,
    .tp_dealloc = (destructor)buffer_dealloc,
    .tp_traverse = (traverseproc)buffer_traverse,
    .tp_clear = (inquiry)buffer_clear,
    .tp_methods = buffer_methods,
    .tp_getset = buffer_getset,
};
