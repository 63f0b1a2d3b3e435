/* Held: which locks are taken, by which thread and where, and which are waited for. Knows no kind of lock and no event.

   Open addressing; at least half of the places are free. */
#include "held.h"

enum { FEWEST_BITS = 8 };

static struct {
    Held *places;
    unsigned bits;
} table;

size_t locks_held;
bool locks_are_watched;

static inline size_t home_of(const void *lock)
{
    return (uint64_t)((uintptr_t)lock >> 4) * 0x9E3779B97F4A7C15u >> (64 - table.bits);
}

static inline size_t after(size_t at)
{
    return (at + 1) & (((size_t)1 << table.bits) - 1);
}

/* Where it is, or a free place where it may be. */
static inline Held *place_of(const void *lock)
{
    size_t at = home_of(lock);
    while (table.places[at].lock != lock && table.places[at].lock != NULL)
        at = after(at);
    return &table.places[at];
}

Held *find_held(const void *lock)
{
    if (locks_held == 0)
        return NULL;
    Held *held = place_of(lock);
    return held->lock == NULL ? NULL : held;
}

static COLD bool grow(void)
{
    Held *old = table.places;
    size_t places = old == NULL ? 0 : (size_t)1 << table.bits;
    unsigned bits = old == NULL ? FEWEST_BITS : table.bits + 1;
    Held *more = PyMem_RawCalloc((size_t)1 << bits, sizeof *more);
    if (more == NULL)
        return false;
    table.places = more;
    table.bits = bits;
    for (size_t at = 0; at < places; at++)
        if (old[at].lock != NULL)
            *place_of(old[at].lock) = old[at];
    PyMem_RawFree(old);
    return true;
}

Held *add_held(const void *lock)
{
    if (!locks_are_watched || (UNLIKELY(table.places == NULL) && !grow()))
        return NULL;
    Held *held = place_of(lock);
    if (held->lock != NULL)
        return held;
    if (UNLIKELY(locks_held >= (size_t)1 << (table.bits - 1))) {
        if (!grow())
            return NULL;
        held = place_of(lock);
    }
    locks_held++;
    *held = (Held){.lock = lock};
    return held;
}

/* Free a place, and move up what had to give way to it. */
static void take_out(Held *held)
{
    size_t gap = (size_t)(held - table.places), mask = ((size_t)1 << table.bits) - 1;
    for (size_t at = after(gap); table.places[at].lock != NULL; at = after(at)) {
        size_t way = (at - home_of(table.places[at].lock)) & mask;
        if (way >= ((at - gap) & mask)) {
            table.places[gap] = table.places[at];
            gap = at;
        }
    }
    table.places[gap].lock = NULL;
    locks_held--;
}

void note_taken(const void *lock, PyObject *code, int last, uint32_t holder)
{
    Held *held = add_held(lock);
    if (held == NULL)
        return;
    PyObject *old = held->code;
    Py_XINCREF(code);
    held->code = code;
    held->last = last;
    held->holder = holder;
    Py_XDECREF(old);
}

void note_free(Held *held)
{
    PyObject *code = held->code;
    held->code = NULL;
    held->holder = 0;
    if (held->serial == 0)
        take_out(held);
    Py_XDECREF(code);
}

void forget_lock(const void *lock)
{
    Held *held = find_held(lock);
    if (held == NULL)
        return;
    PyObject *code = held->code;
    take_out(held);
    Py_XDECREF(code);
}

void forget_all_locks(void)
{
    Held *old = table.places;
    size_t places = old == NULL ? 0 : (size_t)1 << table.bits;
    table.places = NULL;
    locks_held = 0;
    for (size_t at = 0; at < places; at++)
        if (old[at].lock != NULL)
            Py_XDECREF(old[at].code);
    PyMem_RawFree(old);
}

void forget_waiters(void)
{
    size_t places = table.places == NULL ? 0 : (size_t)1 << table.bits;
    for (size_t at = 0; at < places; at++)
        table.places[at].waiters = 0;
}
