/* Columns of texts and times become the bytes of many lines at once; the twin of export/_rows.py. Knows neither JSON nor a trace. */
#include "rows.h"

#define MOST_PIECES 32
#define MOST_OF_A_TIME 24 /* bytes: 2**64 has 20 digits */

/* What a line is made of: a text that is the same in all, one of several, or a time. */
typedef struct {
    PyObject *text;  /* bytes, borrowed; NULL where it is not the same in all */
    PyObject *texts; /* a list or tuple of bytes; NULL of a time */
    Py_buffer column;
} Piece;

/* What is written so far. */
typedef struct {
    PyObject *bytes;
    char *at, *end;
} Out;

static int make_room(Out *out, Py_ssize_t needed)
{
    Py_ssize_t used = out->at - PyBytes_AS_STRING(out->bytes), size = PyBytes_GET_SIZE(out->bytes);
    if (_PyBytes_Resize(&out->bytes, size + size / 2 + needed) < 0)
        return -1;
    out->at = PyBytes_AS_STRING(out->bytes) + used;
    out->end = PyBytes_AS_STRING(out->bytes) + PyBytes_GET_SIZE(out->bytes);
    return 0;
}

static inline int add(Out *out, PyObject *text)
{
    Py_ssize_t size = PyBytes_GET_SIZE(text);
    if (UNLIKELY(out->end - out->at < size) && make_room(out, size) < 0)
        return -1;
    memcpy(out->at, PyBytes_AS_STRING(text), size);
    out->at += size;
    return 0;
}

/* Microseconds with three digits behind the point. */
static inline int add_time(Out *out, int64_t time)
{
    if (UNLIKELY(out->end - out->at < MOST_OF_A_TIME) && make_room(out, MOST_OF_A_TIME) < 0)
        return -1;
    uint64_t whole = (uint64_t)time / 1000;
    unsigned rest = (uint64_t)time % 1000;
    char digits[MOST_OF_A_TIME], *first = digits + sizeof digits;
    do
        *--first = '0' + whole % 10;
    while ((whole /= 10) != 0);
    size_t length = digits + sizeof digits - first;
    memcpy(out->at, first, length);
    out->at += length;
    *out->at++ = '.';
    *out->at++ = '0' + rest / 100;
    *out->at++ = '0' + rest / 10 % 10;
    *out->at++ = '0' + rest % 10;
    return 0;
}

static int add_chosen(Out *out, const Piece *piece, Py_ssize_t row)
{
    int32_t which = ((const int32_t *)piece->column.buf)[row];
    if (UNLIKELY(which < 0 || which >= PySequence_Fast_GET_SIZE(piece->texts))) {
        PyErr_Format(PyExc_IndexError, "there is no text %d", which);
        return -1;
    }
    PyObject *text = PySequence_Fast_GET_ITEM(piece->texts, which);
    if (UNLIKELY(!PyBytes_Check(text))) {
        PyErr_SetString(PyExc_TypeError, "a text is not bytes");
        return -1;
    }
    return add(out, text);
}

static int write_rows(Out *out, const Piece *pieces, Py_ssize_t used, Py_ssize_t count)
{
    for (Py_ssize_t row = 0; row < count; row++)
        for (Py_ssize_t at = 0; at < used; at++) {
            const Piece *piece = pieces + at;
            int failed = piece->text != NULL    ? add(out, piece->text)
                         : piece->texts != NULL ? add_chosen(out, piece, row)
                                                : add_time(out, ((const int64_t *)piece->column.buf)[row]);
            if (UNLIKELY(failed < 0))
                return -1;
        }
    return 0;
}

static int read_column(Piece *piece, PyObject *column, Py_ssize_t size, Py_ssize_t count)
{
    if (PyObject_GetBuffer(column, &piece->column, PyBUF_C_CONTIGUOUS) < 0)
        return -1;
    if (piece->column.itemsize == size && piece->column.len == size * count)
        return 0;
    PyErr_Format(PyExc_ValueError, "a column is not of %zd numbers of %zd bytes", count, size);
    return -1;
}

static int read_piece(Piece *piece, PyObject *object, Py_ssize_t count)
{
    if (PyBytes_Check(object)) {
        piece->text = object;
        return 0;
    }
    if (!PyTuple_Check(object))
        return read_column(piece, object, sizeof(int64_t), count);
    if (PyTuple_GET_SIZE(object) != 2) {
        PyErr_SetString(PyExc_ValueError, "texts are a list and a column");
        return -1;
    }
    piece->texts = PySequence_Fast(PyTuple_GET_ITEM(object, 0), "texts are a list");
    return piece->texts == NULL ? -1 : read_column(piece, PyTuple_GET_ITEM(object, 1), sizeof(int32_t), count);
}

static PyObject *rows_of(PyObject *sequence, Py_ssize_t count)
{
    Piece pieces[MOST_PIECES] = {0};
    Py_ssize_t used = 0, given = PySequence_Fast_GET_SIZE(sequence);
    Out out = {PyBytes_FromStringAndSize(NULL, 128 * count + MOST_OF_A_TIME), NULL, NULL};
    int failed = out.bytes == NULL ? -1 : 0;
    if (given > MOST_PIECES) {
        PyErr_Format(PyExc_ValueError, "a line has more than %d pieces", MOST_PIECES);
        failed = -1;
    }
    while (!failed && used < given) {
        failed = read_piece(&pieces[used], PySequence_Fast_GET_ITEM(sequence, used), count);
        used++;
    }
    if (!failed) {
        out.at = PyBytes_AS_STRING(out.bytes);
        out.end = out.at + PyBytes_GET_SIZE(out.bytes);
        failed = write_rows(&out, pieces, used, count);
    }
    for (Py_ssize_t at = 0; at < used; at++) {
        Py_XDECREF(pieces[at].texts);
        if (pieces[at].column.obj != NULL)
            PyBuffer_Release(&pieces[at].column);
    }
    if (failed < 0) {
        Py_XDECREF(out.bytes);
        return NULL;
    }
    _PyBytes_Resize(&out.bytes, out.at - PyBytes_AS_STRING(out.bytes));
    return out.bytes;
}

static PyObject *rows(PyObject *self, PyObject *args)
{
    (void)self;
    Py_ssize_t count;
    PyObject *pieces;
    if (!PyArg_ParseTuple(args, "nO:rows", &count, &pieces))
        return NULL;
    if (count < 0 || count > PY_SSIZE_T_MAX / 256) {
        PyErr_SetString(PyExc_ValueError, "there are not so many lines");
        return NULL;
    }
    PyObject *sequence = PySequence_Fast(pieces, "pieces are a list");
    if (sequence == NULL)
        return NULL;
    PyObject *found = rows_of(sequence, count);
    Py_DECREF(sequence);
    return found;
}

PyMethodDef rows_methods[] = {
    {"rows", rows, METH_VARARGS, "rows(count, pieces) -> bytes; see tracekit.export._rows."},
    {0},
};
