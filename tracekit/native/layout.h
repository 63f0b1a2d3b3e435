/* Numbers that the core shares with spool/layout.py, spool/buffer.py, spool/names.py and events.py (a test compares them).
   Knows no function. */
#ifndef TRACEKIT_LAYOUT_H
#define TRACEKIT_LAYOUT_H

enum {
    CLOCK_MONOTONIC_NS = 0,
    CLOCK_TSC = 1,
    BLOCK_NAMES = 0x7E87,
    A_MAX = 0xFFFFFF,
    NAME_BYTES = 4096,
    MOST_DETAILS = 400,
    MOST_CHARACTERS = 500,
};

enum kind {
    SPAN_BEGIN = 1,
    SPAN_END = 2,
    SPAN_ARGS = 3,
    INSTANT = 6,
    COUNTER = 7,
    CLOCK = 71,
    ARG_INT = 200,
    ARG_FLOAT = 201,
    ARG_TEXT = 202,
    ARG_TRUE = 203,
    ARG_FALSE = 204,
    ARG_NONE = 205,
    MORE = 206,
    NAME = 207,
    ERROR = 212,
    READING = 219,
};

#endif
