/* Replaced: methods that are written in C, whose function is another one for a while. Knows none of them.

   The function is replaced where the class says what it is. So the method stays the object that it was, and those that are bound
   already, or looked up already, call ours as well. */
#ifndef TRACEKIT_REPLACED_H
#define TRACEKIT_REPLACED_H

#include "common.h"

typedef struct {
    const char *name;
    int flags;             /* METH_…: what the function takes */
    PyCFunction ours;
    PyCFunction *original; /* where to keep it; those that share a place must be the same */
} Replacement;

/* A class, and what is replaced in it. */
typedef struct {
    const Replacement *methods; /* up to the one without a name */
    destructor ours;            /* told of each object that goes */
    destructor original;
    PyTypeObject *type; /* NULL: it is as it was */
} Replaced;

/* Put ours in: all or, with an exception, nothing. */
int replace_in(Replaced *replaced, PyTypeObject *type);
void put_back_in(Replaced *replaced);

/* A function as it is called. */
#define AS_KEYWORDS(function) ((PyCFunctionWithKeywords)(void (*)(void))(function))
#define AS_METHOD(function) ((PyCMethod)(void (*)(void))(function))
#define AS_FAST(function) ((_PyCFunctionFast)(void (*)(void))(function))
#define AS_FAST_KEYWORDS(function) ((_PyCFunctionFastWithKeywords)(void (*)(void))(function))
#define AS_FUNCTION(function) ((PyCFunction)(void (*)(void))(function))

#endif
