/* passage: what a queue records of the handles that pass through it. Knows tasks by their numbers, and nothing of the queue's
   type. */
#ifndef TRACEKIT_PASSAGE_H
#define TRACEKIT_PASSAGE_H

#include "common.h"

/* Somebody schedules a callback, on whatever thread. */
PyObject *queue_append(PyObject *self, PyObject *handle);

/* The loop is about to run its next callback. */
PyObject *queue_popleft(PyObject *self, PyObject *unused);

/* Asked by the loop, which has run what it had; or by anybody, perhaps within a step, or on another thread. */
Py_ssize_t queue_length(PyObject *self);

#endif
