/* Waits: the records of one wait for a lock, and of the release that ends it. Knows no kind of lock. */
#ifndef TRACEKIT_WAITS_H
#define TRACEKIT_WAITS_H

#include "held.h"
#include "holders.h"
#include "probes.h"

typedef struct {
    const void *lock;
    uint64_t session; /* the id of the Buffer where it began */
    uint32_t serial;  /* of the lock; 0: it is not recorded */
} Wait;

/* What is waited for. */
typedef struct {
    const char *name; /* of its class */
    bool has_holder;  /* somebody takes it */
    uint32_t holder;  /* the serial of a thread that is not known by the lock; 0: none */
    uint64_t shared;  /* what other processes know it by; 0: nothing */
} Waited;

/* Around what may block. Nothing of it fails. */
void begin_wait(Wait *wait, const void *lock, Waited waited);
void end_wait(const Wait *wait, bool is_taken);

/* The calling thread has taken it, from Python code. */
void take_lock(const void *lock);

/* It is about to free it. */
void release_known(Held *held);

static inline void release_lock(const void *lock)
{
    Held *held = find_held(lock);
    if (held != NULL)
        release_known(held);
}

/* Locks that processes share: each is recorded as it is taken and as it is freed. */
void take_shared(const void *lock, Waited waited);
void release_shared(const void *lock, uint64_t shared);

/* Load what is asked later, when the program may be in the middle of an import; -1 with an exception. */
int prepare_waits(void);

/* The number of a lock; 0: it can get none, and nothing is recorded of it. */
uint32_t serial_of_lock(const void *lock);

#endif
