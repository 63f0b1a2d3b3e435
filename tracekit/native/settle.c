/* settle: which records of a block have to be looked at when the block is let go of. Knows kinds, and no block but this one.

   The twin of spool/settle.py, rule by rule. */
#include "settle.h"

#include "layout.h"

/* What has become of a record. */
enum { LEFT_OUT, LEFT, SETTLED };

/* Tasks that were met, by open addressing; as many as a block can name. */
enum { TASK_PLACES = 2 * BLOCK_SLOTS };

typedef struct {
    uint64_t places[TASK_PLACES]; /* task + 1; 0: free */
} Tasks;

typedef struct {
    const uint64_t *words;
    unsigned slots;
    uint32_t base;
    uint8_t state[BLOCK_SLOTS];
    uint16_t opened[BLOCK_SLOTS]; /* what runs on the thread, innermost last */
    unsigned depth;
    uint16_t end_of[BLOCK_SLOTS]; /* of a whole step */
    Tasks stepped, readied;
} Block;

static inline uint64_t mark_at(const Block *block, unsigned at)
{
    return block->words[2 * at + 1];
}

static inline unsigned kind_at(const Block *block, unsigned at)
{
    return mark_at(block, at) & 0xFF;
}

/* The place of the begin that a record names, if that is in this block. */
static inline uint32_t begin_of(const Block *block, unsigned at)
{
    return (uint32_t)(mark_at(block, at) >> 32) - block->base;
}

static uint64_t *place_of(Tasks *tasks, uint32_t task)
{
    uint32_t at = task * 2654435761u % TASK_PLACES;
    while (tasks->places[at] != 0 && tasks->places[at] != (uint64_t)task + 1)
        at = (at + 1) % TASK_PLACES;
    return &tasks->places[at];
}

static bool met(Tasks *tasks, uint32_t task)
{
    return *place_of(tasks, task) != 0;
}

static void meet(Tasks *tasks, uint32_t task)
{
    *place_of(tasks, task) = (uint64_t)task + 1;
}

static unsigned begun_by(unsigned kind)
{
    return kind == STEP_END ? STEP_BEGIN : kind == CALLBACK_END ? CALLBACK_BEGIN : kind == GC_END ? GC_BEGIN : LOCK_WAIT;
}

static void end_on_thread(Block *block, unsigned at, unsigned kind)
{
    if (block->depth == 0 || kind_at(block, block->opened[block->depth - 1]) != begun_by(kind)) {
        block->depth = 0; /* something was cut off here */
        return;
    }
    unsigned begin = block->opened[--block->depth];
    if (kind == STEP_END)
        block->end_of[begin] = (uint16_t)at;
    else
        block->state[begin] = block->state[at] = SETTLED;
}

static void settle_pairs(Block *block)
{
    for (unsigned at = BLOCK_HEAD_SLOTS; at < block->slots; at++) {
        if (block->state[at] != LEFT)
            continue;
        unsigned kind = kind_at(block, at);
        uint32_t begin;
        switch (kind) {
        case SPAN_END:
            begin = begin_of(block, at);
            if (begin < at && block->state[begin] == LEFT && kind_at(block, begin) == SPAN_BEGIN)
                block->state[begin] = block->state[at] = SETTLED;
            break;
        case STEP_BEGIN:
        case CALLBACK_BEGIN:
        case GC_BEGIN:
        case LOCK_WAIT:
            block->opened[block->depth++] = (uint16_t)at;
            break;
        case STEP_END:
        case CALLBACK_END:
        case GC_END:
        case LOCK_WAIT_END:
            end_on_thread(block, at, kind);
            break;
        case THREAD_BEGIN:
        case THREAD_END:
        case LOOP_BEGIN:
        case LOOP_END:
        case JOB_BEGIN:
        case JOB_END:
        case REMOTE_JOB_BEGIN:
        case REMOTE_JOB_END:
            block->depth = 0;
            break;
        default:
            break;
        }
    }
}

/* Of the whole steps of a task the last one counts, and of what made it ready what came after that. */
static void settle_steps(Block *block)
{
    for (unsigned at = block->slots; at-- > BLOCK_HEAD_SLOTS;) {
        unsigned kind = kind_at(block, at);
        if (block->state[at] == LEFT_OUT || (kind != STEP_BEGIN && kind != TASK_READY && kind != TASK_DONE))
            continue;
        uint32_t task = (uint32_t)(mark_at(block, at) >> 32);
        bool stepped = met(&block->stepped, task);
        if (kind == TASK_READY) {
            if (stepped || met(&block->readied, task))
                block->state[at] = SETTLED;
            meet(&block->readied, task);
        } else if (kind == STEP_BEGIN && stepped && block->end_of[at] != 0) {
            block->state[at] = block->state[block->end_of[at]] = SETTLED;
        } else {
            meet(&block->stepped, task);
        }
    }
}

static void settle_notes(Block *block)
{
    for (unsigned at = BLOCK_HEAD_SLOTS; at < block->slots; at++) {
        unsigned kind = kind_at(block, at);
        if (block->state[at] != LEFT || (kind != SPAN_ARGS && kind != SPAN_SUSPEND && kind != SPAN_RESUME))
            continue;
        uint32_t begin = begin_of(block, at);
        if (begin < block->slots && block->state[begin] == SETTLED)
            block->state[at] = SETTLED;
    }
}

static PyObject *what_is_left(const Block *block)
{
    PyObject *left = PyList_New(0);
    for (unsigned at = BLOCK_HEAD_SLOTS; at < block->slots && left != NULL; at++) {
        if (block->state[at] != LEFT)
            continue;
        PyObject *place = PyLong_FromLong(at);
        if (place == NULL || PyList_Append(left, place) < 0)
            Py_CLEAR(left);
        Py_XDECREF(place);
    }
    return left;
}

static PyObject *settle_block(const Py_buffer *words, uint32_t base, const Py_buffer *wanted)
{
    if (words->len > BLOCK_BYTES || words->len % SLOT_BYTES || wanted->len != 256) {
        PyErr_SetString(PyExc_ValueError, "settle() takes the slots of a block, and a byte for each kind");
        return NULL;
    }
    Block *block = PyMem_Calloc(1, sizeof *block);
    if (block == NULL)
        return PyErr_NoMemory();
    block->words = words->buf;
    block->slots = (unsigned)(words->len / SLOT_BYTES);
    block->base = base;
    for (unsigned at = BLOCK_HEAD_SLOTS; at < block->slots; at++)
        block->state[at] = ((const uint8_t *)wanted->buf)[kind_at(block, at)] ? LEFT : LEFT_OUT;
    settle_pairs(block);
    settle_steps(block);
    settle_notes(block);
    PyObject *left = what_is_left(block);
    PyMem_Free(block);
    return left;
}

static PyObject *settle(PyObject *module, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    (void)module;
    static const char *const parameters[] = {"block", "base", "wanted"};
    PyObject *taken[3];
    if (take_arguments("settle", args, given, keywords, parameters, 3, 3, taken) < 0)
        return NULL;
    unsigned long base = PyLong_AsUnsignedLongMask(taken[1]);
    if (base == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    Py_buffer words, wanted;
    if (PyObject_GetBuffer(taken[0], &words, PyBUF_C_CONTIGUOUS) < 0)
        return NULL;
    PyObject *left = NULL;
    if (PyObject_GetBuffer(taken[2], &wanted, PyBUF_SIMPLE) == 0) {
        left = settle_block(&words, (uint32_t)base, &wanted);
        PyBuffer_Release(&wanted);
    }
    PyBuffer_Release(&words);
    return left;
}

PyMethodDef settle_methods[] = {
    {"settle", (PyCFunction)(void (*)(void))settle, METH_FASTCALL | METH_KEYWORDS,
     "settle(block, base, wanted)\n--\n\nThe places of the records that are left, in order."},
    {NULL, NULL, 0, NULL},
};
