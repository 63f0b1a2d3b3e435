/* mapping: parts of a file that are shared with the memory of this process. Knows nothing of what is written there. */
#ifndef TRACEKIT_MAPPING_H
#define TRACEKIT_MAPPING_H

#include "common.h"

extern PyTypeObject Mapping_Type;
extern PyMethodDef mapping_methods[];

#endif
