/* Buffer: where the threads of one process write their records, each into a block of its own. Knows no kind of event but CLOCK.

   What a thread needs to write lies in `mine`, by value, among its thread-local variables. Memory that a thread may still write
   to is kept mapped by its Buffer; once that lets go of it, or in a fork's child, the thread finds before any store that it
   is not the owner any more. While the GIL is held nothing can come in between, for no Python code runs there. */
#ifndef TRACEKIT_BUFFER_H
#define TRACEKIT_BUFFER_H

#include "clock.h"
#include "common.h"
#include "layout.h"

#if defined(__GLIBC__)
#define QUICK_TLS __attribute__((tls_model("initial-exec")))
#else
#define QUICK_TLS
#endif

/* Where a Buffer reads the time: one of the clocks of layout.py, or a callable. */
enum { CALLED_CLOCK = 2 };

typedef struct {
    PyObject_HEAD
    uint64_t id; /* what `mine.owner` is compared with; a new one once it is closed */
    int source;  /* CLOCK_MONOTONIC_NS, CLOCK_TSC or CALLED_CLOCK */
    int clock;   /* CLOCK_MONOTONIC_NS or CLOCK_TSC */
    bool closed;
    uint64_t forks;           /* how many forks the process was away from its parent when this was made */
    uint64_t next_anchor;     /* a record at this time or later has a CLOCK record behind it */
    uint64_t anchor_interval; /* ns */
    PyObject *refill;
    PyObject *now; /* NULL unless CALLED_CLOCK */
    PyObject *kept; /* address of a thread's `mine` -> the memory that it writes to */
} Buffer;

typedef struct {
    uint64_t owner; /* the id of a Buffer; 0: none */
    uint64_t *words;
    size_t next, limit, end; /* words; behind `limit` there is room for a thread's last words only */
    uint32_t base;      /* slot number of words[0] */
    uint64_t turns;     /* tells one block from the next */
} Mine;

extern __thread Mine mine QUICK_TLS;

/* A view of 64-bit words that is sure to stay, and its memory. */
typedef struct {
    PyObject *view;
    uint64_t *words;
} Room;

extern PyTypeObject Buffer_Type;

/* Check what `give` is given; on success the caller owns `room->view`. */
bool room_in(PyObject *view, Py_ssize_t index, Py_ssize_t limit, Room *room);

/* Have the calling thread get a block, and claim there. False: the record is to be dropped. */
bool claim_elsewhere(Buffer *buffer, size_t size, size_t *index, uint64_t *now);

void write_anchor(Buffer *buffer);
int watch_forks(void);

static inline uint64_t load_relaxed(const uint64_t *from)
{
    return __atomic_load_n(from, __ATOMIC_RELAXED);
}

/* A slot is claimed, then the clock is read, so that a thread's records stand in the order of their times. */
static inline bool claim(Buffer *buffer, size_t size, size_t *index, uint64_t *now)
{
    if (LIKELY(mine.owner == load_relaxed(&buffer->id) && buffer->source != CALLED_CLOCK)) {
        size_t at = mine.next;
        mine.next = at + size;
        *now = LIKELY(buffer->source == CLOCK_TSC) ? read_ticks() : monotonic_ns();
        if (LIKELY(at + size <= mine.limit)) {
            *index = at;
            return true;
        }
    }
    return claim_elsewhere(buffer, size, index, now);
}

/* Whether so many words can be claimed in the block that the thread has. */
static inline bool has_room(const Buffer *buffer, size_t size)
{
    return mine.owner == load_relaxed(&buffer->id) && buffer->source != CALLED_CLOCK && mine.next + size <= mine.limit;
}

static inline uint64_t word_of(unsigned kind, uint32_t a, uint32_t b)
{
    return kind | (uint64_t)(a & A_MAX) << 8 | (uint64_t)b << 32;
}

static inline void store_record(size_t index, uint64_t now, uint64_t word)
{
    uint64_t *record = mine.words + index;
    record[0] = now;
    __atomic_store_n(record + 1, word, __ATOMIC_RELEASE);
}

static inline uint32_t commit(Buffer *buffer, size_t index, uint64_t now, uint64_t word)
{
    store_record(index, now, word);
    uint32_t slot = mine.base + (uint32_t)(index >> 1);
    if (UNLIKELY(now >= load_relaxed(&buffer->next_anchor)))
        write_anchor(buffer);
    return slot;
}

/* Write one record that has no details; returns its slot number, 0 if it was dropped. */
static inline uint32_t put(Buffer *buffer, unsigned kind, uint32_t a, uint32_t b)
{
    size_t index;
    uint64_t now;
    if (UNLIKELY(!claim(buffer, 2, &index, &now)))
        return 0;
    return commit(buffer, index, now, word_of(kind, a, b));
}

/* Payload and word of each detail, in this order. */
typedef struct {
    unsigned count;
    uint64_t words[2 * MOST_DETAILS];
} Details;

/* The same, where there are never many. */
enum { FEW_DETAILS = 4 };

typedef struct {
    unsigned count;
    uint64_t words[2 * FEW_DETAILS];
} FewDetails;

static inline void add_one(FewDetails *details, unsigned kind, uint64_t payload)
{
    uint64_t *detail = details->words + 2 * details->count++;
    detail[0] = payload;
    detail[1] = kind;
}

/* The words that a record takes with its details. */
static inline size_t size_with(const FewDetails *details)
{
    return 2 + 2 * (size_t)details->count;
}

/* Store details before the record that they belong to, which stands at `index`. */
static inline void store_details(size_t index, const FewDetails *details)
{
    memcpy(mine.words + index + 2, details->words, 16 * (size_t)details->count);
}

/* Likewise with details: those of the first kind, then of the second (or NULL), as far as they are kept. */
uint32_t put_with(Buffer *buffer, unsigned kind, uint32_t a, uint32_t b, const Details *first, const Details *second);

#endif
