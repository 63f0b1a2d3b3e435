/* Home: the interpreter that is recorded. What is replaced in a class of Python's own, other interpreters share. */
#ifndef TRACEKIT_HOME_H
#define TRACEKIT_HOME_H

#include "common.h"

extern PyInterpreterState *home;

static inline bool is_home(void)
{
    return PyThreadState_Get()->interp == home;
}

#endif
