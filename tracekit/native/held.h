/* Held: which locks are taken, by which thread and where, and which are waited for. Knows no kind of lock and no event.

   A lock is known by its address, for as long as it lives: whoever frees it says so. While the GIL is held nothing can come in
   between, and nobody holds on to a `Held` while Python code may run: adding another one moves it. */
#ifndef TRACEKIT_HELD_H
#define TRACEKIT_HELD_H

#include "common.h"

typedef struct {
    const void *lock; /* NULL: a free place */
    PyObject *code;   /* held: where it was taken; NULL: it is not known to be taken */
    int last;         /* as `f_lasti` */
    uint32_t holder;  /* the number of the thread that took it, see holders.h; 0: not known */
    uint32_t serial;  /* of the lock; 0: nobody has waited for it yet */
    uint32_t waiters;
    uint64_t shared; /* what other processes know it by; 0: nothing */
} Held;

/* NULL: nothing is known of it. */
Held *find_held(const void *lock);

/* Whether somebody says which locks go: else nothing is put down of any, for another one may get its address. */
extern bool locks_are_watched;

/* What is known of it, or a new one that knows nothing; NULL: there is no memory, or nobody watches. */
Held *add_held(const void *lock);

/* It is taken, or nobody knows any more by whom (code NULL). */
void note_taken(const void *lock, PyObject *code, int last, uint32_t holder);

/* It is free. Code may be let go of, and with it Python code run. */
void note_free(Held *held);

/* It is gone. */
void forget_lock(const void *lock);
void forget_all_locks(void);

/* In a fork's child nobody else waits. */
void forget_waiters(void);

extern size_t locks_held; /* how many are known */

#endif
