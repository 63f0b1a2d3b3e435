/* The clocks that records can be timed with, and how they are read together. Knows no record. */
#include "clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRIES = 5 };

/* Once a clock was chosen it stays, whatever the kernel does later. */
static _Atomic int chosen = -1;
static _Atomic uint64_t first_reading, first_monotonic;

static bool kernel_trusts_tsc(void)
{
#if defined(__x86_64__)
    const char *asked = getenv("TRACEKIT_CLOCK");
    if (asked != NULL && strcmp(asked, "monotonic") == 0)
        return false;
    FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (file == NULL)
        return false;
    char source[16] = "";
    bool trusted = fgets(source, sizeof source, file) != NULL && strcmp(source, "tsc\n") == 0;
    fclose(file);
    return trusted;
#else
    return false;
#endif
}

static void read_both(uint64_t *reading, uint64_t *monotonic)
{
    uint64_t tightest = UINT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        uint64_t before = read_ticks();
        uint64_t now = monotonic_ns();
        uint64_t width = read_ticks() - before;
        if (width < tightest) {
            tightest = width;
            *reading = before + width / 2;
            *monotonic = now;
        }
    }
}

int best_clock(void)
{
    if (chosen < 0) {
        int best = kernel_trusts_tsc() ? CLOCK_TSC : CLOCK_MONOTONIC_NS;
        uint64_t reading = 0, monotonic = 0;
        read_both(&reading, &monotonic);
        first_reading = reading;
        first_monotonic = monotonic;
        chosen = best;
    }
    return chosen;
}

void read_pair(uint64_t *reading, uint64_t *monotonic)
{
    if (best_clock() == CLOCK_TSC)
        read_both(reading, monotonic);
    else
        *reading = *monotonic = monotonic_ns();
}

uint64_t ticks_in(uint64_t ns)
{
    enum { LONG_ENOUGH_NS = 100000, USUAL_RATE = 2 };
    uint64_t reading = 0, monotonic = 0;
    read_pair(&reading, &monotonic);
    uint64_t passed = monotonic - first_monotonic;
    if (passed < LONG_ENOUGH_NS)
        return ns * USUAL_RATE;
    return (uint64_t)((double)ns * (double)(reading - first_reading) / (double)passed);
}

static PyObject *pair(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    uint64_t reading = 0, monotonic = 0;
    read_pair(&reading, &monotonic);
    return Py_BuildValue("KK", (unsigned long long)reading, (unsigned long long)monotonic);
}

PyMethodDef clock_methods[] = {
    {"pair", pair, METH_NOARGS,
     "pair()\n--\n\nThe best clock of this core and CLOCK_MONOTONIC in ns, read at one moment."},
    {NULL, NULL, 0, NULL},
};
