/* Codes: what those that run again and again are called, and whose they are. Knows no frame and no coroutine.

   The twin of `facts` and `place` in hooks/code.py, which are asked once for each code, and once for each instruction. */
#ifndef TRACEKIT_CODES_H
#define TRACEKIT_CODES_H

#include "common.h"

/* Whose a code is, as in hooks/code.py. */
enum whose { USERS = 0, LIBRARYS = 1, WRAPPERS = 2, WAITERS = 3, LOCKS = 4, STARTERS = 5, OURS = 6 };

/* What the functions below give instead of asking Python, where they may not. -1: there is an exception. */
enum { NOT_KNOWN = -2 };

/* Whose a code is that runs under this name. */
int whose_code(PyObject *code, PyObject *name, bool may_ask);

/* The id of the text that says where a function is defined; 0: none. */
int64_t id_of_function(PyObject *code, PyObject *name, bool may_ask);

/* The id of the text that says where an instruction stands; `last` is the `f_lasti` of a frame. */
int64_t id_of_place(PyObject *code, PyObject *name, int last, bool may_ask);

#endif
