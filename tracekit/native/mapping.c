/* mapping: parts of a file that are shared with the memory of this process. Knows nothing of what is written there.

   Python's own mmap keeps the descriptor before 3.13, where programs that look at their open files would see it. */
#include "mapping.h"

#include <sys/mman.h>

typedef struct {
    PyObject_HEAD
    void *memory;
    Py_ssize_t bytes, words;
} Mapping;

static Py_ssize_t word_bytes = sizeof(uint64_t);

static int mapping_getbuffer(Mapping *self, Py_buffer *view, int flags)
{
    if (PyBuffer_FillInfo(view, (PyObject *)self, self->memory, self->bytes, 0, flags) < 0)
        return -1;
    view->itemsize = word_bytes;
    if (flags & PyBUF_FORMAT)
        view->format = "Q";
    if (view->shape != NULL)
        view->shape = &self->words;
    if (view->strides != NULL)
        view->strides = &word_bytes;
    return 0;
}

static void mapping_dealloc(Mapping *self)
{
    munmap(self->memory, (size_t)self->bytes);
    PyObject_Free(self);
}

static PyBufferProcs mapping_as_buffer = {.bf_getbuffer = (getbufferproc)mapping_getbuffer};

PyTypeObject Mapping_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tracekit._fast.Mapping",
    .tp_doc = "Unmaps itself when the last view of it is gone.",
    .tp_basicsize = sizeof(Mapping),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = (destructor)mapping_dealloc,
    .tp_as_buffer = &mapping_as_buffer,
};

static PyObject *map_words(PyObject *module, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    (void)module;
    static const char *const parameters[] = {"fd", "offset", "length"};
    PyObject *taken[3];
    if (take_arguments("map_words", args, given, keywords, parameters, 3, 3, taken) < 0)
        return NULL;
    int fd = PyObject_AsFileDescriptor(taken[0]);
    Py_ssize_t offset = PyLong_AsSsize_t(taken[1]), length = PyLong_AsSsize_t(taken[2]);
    if (PyErr_Occurred())
        return NULL;
    if (offset < 0 || length <= 0 || length % word_bytes) {
        PyErr_SetString(PyExc_ValueError, "a mapping has whole words, and does not begin before the file");
        return NULL;
    }
    void *memory = mmap(NULL, (size_t)length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
    if (memory == MAP_FAILED)
        return PyErr_SetFromErrno(PyExc_OSError);
    Mapping *mapping = PyObject_New(Mapping, &Mapping_Type);
    if (mapping == NULL) {
        munmap(memory, (size_t)length);
        return NULL;
    }
    mapping->memory = memory;
    mapping->bytes = length;
    mapping->words = length / word_bytes;
    PyObject *view = PyMemoryView_FromObject((PyObject *)mapping);
    Py_DECREF(mapping);
    return view;
}

PyMethodDef mapping_methods[] = {
    {"map_words", (PyCFunction)(void (*)(void))map_words, METH_FASTCALL | METH_KEYWORDS,
     "map_words(fd, offset, length)\n--\n\nMap part of a file, shared, as 64-bit words. `fd` can be closed afterwards."},
    {NULL, NULL, 0, NULL},
};
