/* Columns of events become packets of a Perfetto trace, many at once; the twin of export/_packets.py. Knows the wire, and no trace. */
#include "packets.h"

/* Tags: fields 47 and 48 of a TrackEvent, which are fixed64, 11 of it and 8 of a TracePacket, which are varints. */
static const uint8_t leaves[] = {0xF9, 0x02}, arrives[] = {0x81, 0x03};
enum { TRACK = 11 << 3, TIME = 8 << 3, ARROW_BYTES = 2 + 8, MOST_OF_A_VARINT = 10, COLUMNS = 4 };

/* The columns that are given, by their places: which shape a packet has, its arrow, its track and its time. */
enum { WHICH, ARROW, TRACK_OF, TIME_OF };

/* A number as a varint of this width, filled up with bytes that add nothing. */
static inline uint8_t *put(uint8_t *at, uint64_t number, int width)
{
    for (int left = width; left > 1; left--, number >>= 7)
        *at++ = (number & 0x7F) | 0x80;
    *at++ = number & 0x7F;
    return at;
}

/* An arrow that arrives, or one that leaves, whose number is negative. */
static inline uint8_t *put_arrow(uint8_t *at, int64_t arrow)
{
    memcpy(at, arrow > 0 ? arrives : leaves, sizeof leaves);
    uint64_t number = arrow > 0 ? (uint64_t)arrow : 0 - (uint64_t)arrow;
    for (int byte = 0; byte < 8; byte++)
        at[sizeof leaves + byte] = (uint8_t)(number >> 8 * byte);
    return at + ARROW_BYTES;
}

/* How many bytes all packets take; -1 with an exception where a column names a shape that is not there. */
static Py_ssize_t measure(PyObject *shapes, const Py_buffer *columns, Py_ssize_t count, Py_ssize_t own)
{
    const int32_t *which = columns[WHICH].buf;
    const int64_t *arrow = columns[ARROW].buf;
    Py_ssize_t size = own * count;
    for (Py_ssize_t row = 0; row < count; row++) {
        if (which[row] < 0 || which[row] >= PySequence_Fast_GET_SIZE(shapes)) {
            PyErr_Format(PyExc_IndexError, "there is no shape %d", which[row]);
            return -1;
        }
        PyObject *shape = PySequence_Fast_GET_ITEM(shapes, which[row]);
        if (!PyBytes_Check(shape)) {
            PyErr_SetString(PyExc_TypeError, "a shape is not bytes");
            return -1;
        }
        size += PyBytes_GET_SIZE(shape) + (arrow[row] != 0) * ARROW_BYTES;
    }
    return size;
}

static PyObject *write_packets(PyObject *shapes, const Py_buffer *columns, int track_bytes, int time_bytes)
{
    Py_ssize_t count = columns[WHICH].len / sizeof(int32_t);
    Py_ssize_t size = measure(shapes, columns, count, 2 + track_bytes + time_bytes);
    PyObject *bytes = size < 0 ? NULL : PyBytes_FromStringAndSize(NULL, size);
    if (bytes == NULL)
        return NULL;
    const int32_t *which = columns[WHICH].buf;
    const int64_t *arrow = columns[ARROW].buf, *track = columns[TRACK_OF].buf, *time = columns[TIME_OF].buf;
    uint8_t *at = (uint8_t *)PyBytes_AS_STRING(bytes);
    for (Py_ssize_t row = 0; row < count; row++) {
        PyObject *shape = PySequence_Fast_GET_ITEM(shapes, which[row]);
        memcpy(at, PyBytes_AS_STRING(shape), PyBytes_GET_SIZE(shape));
        at += PyBytes_GET_SIZE(shape);
        if (arrow[row] != 0)
            at = put_arrow(at, arrow[row]);
        *at++ = TRACK;
        at = put(at, track[row], track_bytes);
        *at++ = TIME;
        at = put(at, time[row], time_bytes);
    }
    return bytes;
}

static int read_columns(PyObject *const *objects, Py_buffer *columns)
{
    Py_ssize_t count = 0;
    for (int at = 0; at < COLUMNS; at++) {
        Py_ssize_t size = at == WHICH ? sizeof(int32_t) : sizeof(int64_t);
        if (PyObject_GetBuffer(objects[at], &columns[at], PyBUF_C_CONTIGUOUS) < 0)
            return -1;
        if (at == WHICH)
            count = columns[at].len / size;
        if (columns[at].itemsize != size || columns[at].len != count * size) {
            PyErr_Format(PyExc_ValueError, "a column is not of %zd numbers of %zd bytes", count, size);
            return -1;
        }
    }
    return 0;
}

static PyObject *packets(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *given, *objects[COLUMNS];
    int track_bytes, time_bytes;
    if (!PyArg_ParseTuple(args, "OOOOOii:packets", &given, &objects[WHICH], &objects[ARROW], &objects[TRACK_OF],
                          &objects[TIME_OF], &track_bytes, &time_bytes))
        return NULL;
    if (track_bytes < 1 || track_bytes > MOST_OF_A_VARINT || time_bytes < 1 || time_bytes > MOST_OF_A_VARINT) {
        PyErr_SetString(PyExc_ValueError, "a number takes 1 to 10 bytes");
        return NULL;
    }
    PyObject *shapes = PySequence_Fast(given, "shapes are a list");
    if (shapes == NULL)
        return NULL;
    Py_buffer columns[COLUMNS] = {0};
    PyObject *found = read_columns(objects, columns) < 0 ? NULL : write_packets(shapes, columns, track_bytes, time_bytes);
    for (int at = 0; at < COLUMNS; at++)
        if (columns[at].obj != NULL)
            PyBuffer_Release(&columns[at]);
    Py_DECREF(shapes);
    return found;
}

PyMethodDef packets_methods[] = {
    {"packets", packets, METH_VARARGS, "packets(shapes, which, arrow, track, time, track_bytes, time_bytes) -> bytes"},
    {0},
};
