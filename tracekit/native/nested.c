/* Slices that lie within each other, gone through with a stack; the twin of `doubtful` in model/nesting.py and of
   `begins_and_ends` in export/_events.py. Knows sorted columns, and no trace. */
#include "nested.h"

enum { TRACK, START, END, COLUMNS };

static const Py_ssize_t sizes[COLUMNS] = {4, 8, 8};

/* Sorted slices, and a stack of some of them. */
typedef struct {
    const int32_t *track;
    const int64_t *start, *end;
    Py_ssize_t count;
    Py_ssize_t *stack, depth, room;
    Py_buffer columns[COLUMNS];
} Slices;

static int push(Slices *slices, Py_ssize_t at)
{
    if (UNLIKELY(slices->depth == slices->room)) {
        Py_ssize_t room = slices->room ? 2 * slices->room : 64;
        Py_ssize_t *stack = PyMem_Realloc(slices->stack, room * sizeof *stack);
        if (stack == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        slices->stack = stack;
        slices->room = room;
    }
    slices->stack[slices->depth++] = at;
    return 0;
}

static int take_slices(PyObject *args, Slices *slices)
{
    PyObject *objects[COLUMNS];
    if (!PyArg_ParseTuple(args, "OOO", &objects[TRACK], &objects[START], &objects[END]))
        return -1;
    for (int at = 0; at < COLUMNS; at++) {
        Py_buffer *column = &slices->columns[at];
        if (PyObject_GetBuffer(objects[at], column, PyBUF_C_CONTIGUOUS) < 0)
            return -1;
        if (at == TRACK)
            slices->count = column->len / sizes[TRACK];
        if (column->itemsize != sizes[at] || column->len != slices->count * sizes[at]) {
            PyErr_SetString(PyExc_ValueError, "a column has another size");
            return -1;
        }
    }
    slices->track = slices->columns[TRACK].buf;
    slices->start = slices->columns[START].buf;
    slices->end = slices->columns[END].buf;
    return 0;
}

static void let_go(Slices *slices)
{
    PyMem_Free(slices->stack);
    for (int at = 0; at < COLUMNS; at++)
        if (slices->columns[at].obj != NULL)
            PyBuffer_Release(&slices->columns[at]);
}

/* The tracks on which a slice outlasts the one that it begins in. */
static int add_doubtful(Slices *slices, PyObject *tracks)
{
    const int64_t *start = slices->start, *end = slices->end;
    for (Py_ssize_t at = 0; at < slices->count; at++) {
        if (at == 0 || slices->track[at] != slices->track[at - 1])
            slices->depth = 0;
        while (slices->depth && end[slices->stack[slices->depth - 1]] <= start[at])
            slices->depth--;
        if (push(slices, at) < 0)
            return -1;
        if (LIKELY(slices->depth == 1 || end[at] <= end[slices->stack[slices->depth - 2]]))
            continue;
        PyObject *track = PyLong_FromLong(slices->track[at]);
        int failed = track == NULL ? -1 : PySet_Add(tracks, track);
        Py_XDECREF(track);
        if (failed < 0)
            return -1;
        while (at + 1 < slices->count && slices->track[at + 1] == slices->track[at])
            at++;
    }
    return 0;
}

static PyObject *doubtful(PyObject *self, PyObject *args)
{
    (void)self;
    Slices slices = {0};
    PyObject *tracks = PySet_New(NULL);
    if (tracks != NULL && (take_slices(args, &slices) < 0 || add_doubtful(&slices, tracks) < 0))
        Py_CLEAR(tracks);
    let_go(&slices);
    return tracks;
}

/* Begins and ends as they happen, whose and which of the two; what ends does so before anything else begins at that time. */
static int write_events(Slices *slices, int64_t *whose, uint8_t *is_end)
{
    const int64_t *start = slices->start, *end = slices->end;
    for (Py_ssize_t at = 0; at <= slices->count; at++) {
        bool new = at == slices->count || (at && slices->track[at] != slices->track[at - 1]);
        while (slices->depth) {
            Py_ssize_t top = slices->stack[slices->depth - 1];
            /* In a point lie the points of its time behind it. */
            if (!new && (end[top] > start[at] || (end[top] == start[at] && start[top] == end[top])))
                break;
            slices->depth--;
            *whose++ = top;
            *is_end++ = 1;
        }
        if (at == slices->count)
            break;
        *whose++ = at;
        *is_end++ = 0;
        if (push(slices, at) < 0)
            return -1;
    }
    return 0;
}

static PyObject *begins_and_ends(PyObject *self, PyObject *args)
{
    (void)self;
    Slices slices = {0};
    PyObject *whose = NULL, *is_end = NULL, *both = NULL;
    if (take_slices(args, &slices) == 0) {
        whose = PyByteArray_FromStringAndSize(NULL, slices.count * 2 * sizeof(int64_t));
        is_end = PyByteArray_FromStringAndSize(NULL, slices.count * 2);
    }
    if (whose != NULL && is_end != NULL &&
        write_events(&slices, (int64_t *)PyByteArray_AS_STRING(whose), (uint8_t *)PyByteArray_AS_STRING(is_end)) == 0)
        both = PyTuple_Pack(2, whose, is_end);
    Py_XDECREF(whose);
    Py_XDECREF(is_end);
    let_go(&slices);
    return both;
}

PyMethodDef nested_methods[] = {
    {"doubtful", doubtful, METH_VARARGS, "doubtful(track, start, end) -> set; see tracekit.model.nesting."},
    {"begins_and_ends", begins_and_ends, METH_VARARGS,
     "begins_and_ends(track, start, end) -> (bytearray, bytearray); see tracekit.export._events."},
    {0},
};
