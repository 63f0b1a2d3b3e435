/* Watch: the classes whose waits are recorded. Knows each of them. */
#ifndef TRACEKIT_WATCH_H
#define TRACEKIT_WATCH_H

#include "common.h"

extern PyMethodDef watch_methods[];

int begin_watching(void);

#endif
