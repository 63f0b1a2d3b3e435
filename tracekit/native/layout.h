/* Numbers that the core shares with spool/layout.py, spool/buffer.py, spool/names.py, spool/texts.py and events.py (a test compares them).
   Knows no function. */
#ifndef TRACEKIT_LAYOUT_H
#define TRACEKIT_LAYOUT_H

enum {
    CLOCK_MONOTONIC_NS = 0,
    CLOCK_TSC = 1,
    BLOCK_BYTES = 16384,
    SLOT_BYTES = 16,
    BLOCK_SLOTS = 1024,
    BLOCK_HEAD_SLOTS = 2,
    BLOCK_NAMES = 0x7E87,
    A_MAX = 0xFFFFFF,
    NAME_BYTES = 4096,
    MOST_DETAILS = 400,
    LAST_WORDS = 4,
    CORE_BUILD = 8,
    MOST_CHARACTERS = 500,
};

enum cause {
    READY_CANCELLED = 1,
};

enum outcome {
    OUTCOME_DONE = 1,
};

enum wait_end {
    LOCK_GIVEN_UP = 0,
    LOCK_TAKEN = 1,
};

enum kind {
    SPAN_BEGIN = 1,
    SPAN_END = 2,
    SPAN_ARGS = 3,
    SPAN_SUSPEND = 4,
    SPAN_RESUME = 5,
    INSTANT = 6,
    COUNTER = 7,
    THREAD_BEGIN = 11,
    THREAD_END = 12,
    LOOP_BEGIN = 20,
    LOOP_END = 21,
    TASK_CREATED = 22,
    TASK_READY = 23,
    STEP_BEGIN = 24,
    STEP_END = 25,
    TASK_DONE = 26,
    CALLBACK_BEGIN = 28,
    CALLBACK_END = 29,
    LOOP_TURN = 32,
    JOB_BEGIN = 41,
    JOB_END = 42,
    REMOTE_JOB_BEGIN = 43,
    REMOTE_JOB_END = 44,
    GC_BEGIN = 60,
    GC_END = 61,
    CLOCK = 71,
    LOCK_WAIT = 90,
    LOCK_WAIT_END = 91,
    LOCK_RELEASE = 92,
    LOCK_ACQUIRED = 93,
    ARG_INT = 200,
    ARG_FLOAT = 201,
    ARG_TEXT = 202,
    ARG_TRUE = 203,
    ARG_FALSE = 204,
    ARG_NONE = 205,
    MORE = 206,
    NAME = 207,
    CODE = 210,
    LOOP = 211,
    ERROR = 212,
    LATE = 213,
    SCHEDULED = 218,
    READING = 219,
    AWAITS = 220,
    AWAITED_TASK = 221,
    AWAITED = 222,
    DUE = 223,
    CREATED_AT = 224,
    HOLDER = 230,
    HELD_AT = 231,
    INHERITED = 240,
    SHARED_LOCK = 241,
};

#endif
