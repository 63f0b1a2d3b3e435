/* Open: which spans are open where, for those who ask for the innermost one. Knows no record but its slot.

   The twin of record/open_spans.py. Nothing is kept before somebody asks for it: the probes look at one flag. */
#ifndef TRACEKIT_OPEN_H
#define TRACEKIT_OPEN_H

#include "common.h"

extern bool open_followed;

extern PyMethodDef open_methods[];

/* The span whose begin stands at `slot` is open here from now on; or no more. What fails is left out. */
void open_begun(uint32_t slot, PyObject *name);
void open_ended(uint32_t slot);

#endif
