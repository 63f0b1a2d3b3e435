/* The words of blocks become columns, one a field of their records; the twin of spool/split.py. Knows the layout, and no kind. */
#include "split.h"

#include "layout.h"

/* What is given, by its place: the words of all blocks, which of them, what their heads said, and the columns to fill. */
enum { BLOCKS, WHICH, HEADS, TIME, KIND, A, B, SLOT, GIVEN };

static const Py_ssize_t sizes[GIVEN] = {8, 8, 8, 8, 1, 4, 4, 8};

typedef struct {
    uint64_t *time;
    uint8_t *kind;
    uint32_t *a, *b;
    int64_t *slot;
} Columns;

/* Adds the records of a block; returns how many there are then. */
static Py_ssize_t split_block(const uint64_t *block, uint64_t head, Columns columns, Py_ssize_t count)
{
    Py_ssize_t before = count;
    uint64_t first = (head >> 32) * BLOCK_SLOTS;
    for (unsigned place = BLOCK_HEAD_SLOTS; place < BLOCK_SLOTS; place++) {
        /* It is written last, so it is read first. */
        uint64_t word = __atomic_load_n(block + 2 * place + 1, __ATOMIC_ACQUIRE);
        if (word == 0)
            continue;
        columns.time[count] = block[2 * place];
        columns.kind[count] = (uint8_t)word;
        columns.a[count] = (uint32_t)word >> 8;
        columns.b[count] = (uint32_t)(word >> 32);
        columns.slot[count++] = (first + place) & UINT32_MAX;
    }
    /* One that was handed out anew meanwhile holds a mixture. */
    return __atomic_load_n(block, __ATOMIC_ACQUIRE) == head ? count : before;
}

static Py_ssize_t split_blocks(const Py_buffer *given)
{
    const uint64_t *words = given[BLOCKS].buf, *heads = given[HEADS].buf;
    const int64_t *which = given[WHICH].buf;
    Py_ssize_t blocks = given[BLOCKS].len / BLOCK_BYTES, wanted = given[WHICH].len / 8, count = 0;
    Columns columns = {given[TIME].buf, given[KIND].buf, given[A].buf, given[B].buf, given[SLOT].buf};
    for (Py_ssize_t at = 0; at < wanted; at++) {
        if (which[at] < 0 || which[at] >= blocks) {
            PyErr_Format(PyExc_IndexError, "there is no block %lld", (long long)which[at]);
            return -1;
        }
        count = split_block(words + which[at] * (BLOCK_BYTES / 8), heads[at], columns, count);
    }
    return count;
}

static int take_buffers(PyObject *const *objects, Py_buffer *given)
{
    for (int at = 0; at < GIVEN; at++) {
        int flags = at < TIME ? PyBUF_C_CONTIGUOUS : PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE;
        if (PyObject_GetBuffer(objects[at], &given[at], flags) < 0)
            return -1;
        Py_ssize_t wanted = given[WHICH].len / 8;
        Py_ssize_t most = at <= WHICH ? -1 : at == HEADS ? wanted : wanted * (BLOCK_SLOTS - BLOCK_HEAD_SLOTS);
        if (given[at].itemsize != sizes[at] || (most >= 0 && given[at].len != most * sizes[at])) {
            PyErr_SetString(PyExc_ValueError, "a column has another size");
            return -1;
        }
    }
    return 0;
}

static PyObject *split(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    (void)self;
    if (count != GIVEN) {
        PyErr_Format(PyExc_TypeError, "split takes %d columns", GIVEN);
        return NULL;
    }
    Py_buffer given[GIVEN] = {0};
    Py_ssize_t found = take_buffers(args, given) < 0 ? -1 : split_blocks(given);
    for (int at = 0; at < GIVEN; at++)
        if (given[at].obj != NULL)
            PyBuffer_Release(&given[at]);
    return found < 0 ? NULL : PyLong_FromSsize_t(found);
}

PyMethodDef split_methods[] = {
    {"split", (PyCFunction)(void (*)(void))split, METH_FASTCALL,
     "split(blocks, which, heads, time, kind, a, b, slot) -> int; see tracekit.spool.split."},
    {0},
};
