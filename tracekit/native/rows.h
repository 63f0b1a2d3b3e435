/* Many lines of text out of columns; see export/_rows.py. */
#ifndef TRACEKIT_ROWS_H
#define TRACEKIT_ROWS_H

#include "common.h"

extern PyMethodDef rows_methods[];

#endif
