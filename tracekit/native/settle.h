/* settle: which records of a block have to be looked at when the block is let go of. Knows kinds, and no block but this one. */
#ifndef TRACEKIT_SETTLE_H
#define TRACEKIT_SETTLE_H

#include "common.h"

extern PyMethodDef settle_methods[];

#endif
