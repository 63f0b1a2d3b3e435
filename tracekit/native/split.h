/* The records of blocks, field by field; see spool/split.py. */
#ifndef TRACEKIT_SPLIT_H
#define TRACEKIT_SPLIT_H

#include "common.h"

extern PyMethodDef split_methods[];

#endif
