/* Creation: the first sight of a task. */
#ifndef TRACEKIT_CREATION_H
#define TRACEKIT_CREATION_H

#include "common.h"

int begin_creations(void);

/* Number a task and record that it is there. 1: done; 0: it is none of the usual kind, or nothing is recorded; -1 with an
   exception. */
int create_task(PyObject *task, uint32_t loop_serial, bool late, uint32_t *serial);

#endif
