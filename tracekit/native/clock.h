/* The clocks that records can be timed with: CLOCK_MONOTONIC, and the processor's time stamp counter. Knows no record. */
#ifndef TRACEKIT_CLOCK_H
#define TRACEKIT_CLOCK_H

#include "common.h"
#include "layout.h"

#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static inline uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t read_ticks(void)
{
#if defined(__x86_64__)
    return __rdtsc();
#else
    return monotonic_ns();
#endif
}

/* The best clock of this machine: CLOCK_TSC where the kernel itself trusts it, else CLOCK_MONOTONIC_NS. */
int best_clock(void);

/* The best clock and CLOCK_MONOTONIC, read at what is as nearly as possible one moment. */
void read_pair(uint64_t *reading, uint64_t *monotonic);

/* How many ticks of the time stamp counter so many ns are, by what it has done since the first pair. */
uint64_t ticks_in(uint64_t ns);

extern PyMethodDef clock_methods[];

#endif
