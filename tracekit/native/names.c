/* Names: texts of a process, each written into its spool once and known by a number. Knows nothing of what they name.

   The twin of spool/names.py, byte for byte. An entry is written without a call, so nothing comes upon it in the middle;
   Python runs only while a new block is taken, and what it writes meanwhile goes into a block of its own. */
#include "names.h"

#include "buffer.h"
#include "text.h"

enum { MOST = 65536, MOST_RECALLED = 20000, MOST_BYTES = 8 << 20 };

static bool turn(Names *names)
{
    if (names->spool == NULL)
        return false;
    PyObject *room = PyObject_CallMethod(names->spool, "take_block", "i", BLOCK_NAMES);
    if (room == NULL)
        return false;
    PyObject *view;
    Py_ssize_t at, limit;
    long long base;
    Room words;
    bool good = PyTuple_Check(room) && PyArg_ParseTuple(room, "OnnL", &view, &at, &limit, &base) &&
                room_in(view, at, limit, &words);
    if (good) {
        PyObject *old = names->view;
        names->view = words.view;
        names->words = words.words;
        names->at = at;
        names->left = limit - at;
        Py_XDECREF(old);
    }
    Py_DECREF(room);
    return good;
}

static void store(uint64_t *entry, const char *data, Py_ssize_t length, int64_t size, uint64_t number)
{
    if (length) {
        entry[size - 1] = 0;
        memcpy(entry + 1, data, (size_t)length);
    }
    __atomic_store_n(entry, (uint64_t)length | (number + 1) << 32, __ATOMIC_RELEASE);
}

/* The id of the new entry; 0 where there is no room, perhaps with an exception. */
static uint64_t write_entry(Names *names, const char *data, Py_ssize_t length)
{
    int64_t size = 1 + (length + 7) / 8;
    for (;;) {
        int64_t at = names->at;
        uint64_t number = names->count + 1;
        names->at = at + size;
        names->left -= size;
        names->count = number;
        if (names->left >= 0) {
            store(names->words + at, data, length, size, number);
            names->bytes += (uint64_t)size * 8;
            return number;
        }
        if (!turn(names)) {
            names->left = 0;
            return 0;
        }
    }
}

/* The spool is full: say why, if that is what the exception means. */
static int64_t no_room(Names *names)
{
    static PyObject *expected;
    Pending pending = put_aside();
    if (from_package(&expected, "tracekit.spool.file", "NoRoom") == NULL)
        PyErr_Clear();
    put_back(pending);
    if (expected == NULL || !PyErr_ExceptionMatches(expected))
        return -1;
    PyObject *type, *reason, *traceback;
    PyErr_Fetch(&type, &reason, &traceback);
    PyErr_NormalizeException(&type, &reason, &traceback);
    PyObject *args = PyObject_GetAttrString(reason, "args");
    PyObject *told = args == NULL || names->no_room == NULL ? NULL : PyObject_CallObject(names->no_room, args);
    Py_XDECREF(type);
    Py_XDECREF(reason);
    Py_XDECREF(traceback);
    Py_XDECREF(args);
    Py_XDECREF(told);
    return PyErr_Occurred() ? -1 : 0;
}

static int64_t add(Names *names, PyObject *text)
{
    Utf8 utf8;
    if (!utf8_of(text, &utf8))
        return -1;
    Py_ssize_t length = utf8.size;
    if (length > NAME_BYTES)
        for (length = NAME_BYTES; (utf8.data[length] & 0xC0) == 0x80;)
            length--;
    int64_t number = 0;
    if (names->count < MOST && names->bytes <= MOST_BYTES)
        number = (int64_t)write_entry(names, utf8.data, length);
    utf8_release(&utf8);
    return number == 0 && PyErr_Occurred() ? no_room(names) : number;
}

static void remember_address(Names *names, PyObject *text, int64_t id)
{
#ifdef Py_GIL_DISABLED
    (void)names, (void)text, (void)id;
#else
    if (!PyUnicode_CheckExact(text) || Py_REFCNT(text) < 2)
        return;
    unsigned place = place_of_address(text, PLACE_BITS);
    PyObject *old = names->places[place].text;
    Py_INCREF(text);
    names->places[place].text = text;
    names->places[place].id = (uint32_t)id;
    Py_XDECREF(old);
#endif
}

/* The id of a text that is in the table; 0 where it is not, -1 with an exception. */
static int64_t look_up(Names *names, PyObject *text)
{
    PyObject *number = PyDict_GetItemWithError(names->ids, text);
    if (number == NULL)
        return PyErr_Occurred() ? -1 : 0;
    int64_t id = PyLong_AsLongLong(number);
    if (id > 0)
        remember_address(names, text, id);
    return id;
}

static int64_t intern_unlocked(Names *names, PyObject *text)
{
    int64_t id = look_up(names, text);
    if (id == 0) {
        id = add(names, text);
        if (id > 0) {
            PyObject *number = PyLong_FromLongLong(id);
            PyObject *kept = number == NULL ? NULL : PyDict_SetDefault(names->ids, text, number);
            id = kept == NULL ? -1 : PyLong_AsLongLong(kept);
            Py_XDECREF(number);
        }
    }
    return id;
}

static int64_t recall_unlocked(Names *names, PyObject *text)
{
    int64_t id = look_up(names, text);
    if (id != 0)
        return id;
    Py_hash_t mark = PyObject_Hash(text);
    if (mark == -1)
        return -1;
    Py_hash_t *seen = &names->seen[(size_t)mark & (SEEN - 1)];
    if (*seen != mark) {
        *seen = mark;
        return 0;
    }
    return names->count < MOST_RECALLED ? intern_unlocked(names, text) : 0;
}

static int64_t locked(Names *names, PyObject *text, int64_t (*unlocked)(Names *, PyObject *))
{
    int64_t id;
    Py_INCREF(names);
    Py_BEGIN_CRITICAL_SECTION(names);
    id = unlocked(names, text);
    Py_END_CRITICAL_SECTION();
    Py_DECREF(names);
    return id;
}

int64_t look_up_or_intern(Names *names, PyObject *text)
{
    return locked(names, text, intern_unlocked);
}

int64_t look_up_or_recall(Names *names, PyObject *text)
{
    return locked(names, text, recall_unlocked);
}

static PyObject *by_text(Names *names, const char *function, PyObject *const *args, Py_ssize_t given, PyObject *keywords,
                         int64_t (*look_up_or_add)(Names *, PyObject *))
{
    static const char *const parameters[] = {"text"};
    PyObject *text = NULL;
    if (take_arguments(function, args, given, keywords, parameters, 1, 1, &text) < 0)
        return NULL;
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "%s() takes a str, not %.100s", function, Py_TYPE(text)->tp_name);
        return NULL;
    }
    int64_t id = look_up_or_add(names, text);
    return id < 0 ? NULL : PyLong_FromLongLong(id);
}

static PyObject *names_intern(Names *self, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    return by_text(self, "intern", args, given, keywords, look_up_or_intern);
}

static PyObject *names_recall(Names *self, PyObject *const *args, Py_ssize_t given, PyObject *keywords)
{
    return by_text(self, "recall", args, given, keywords, look_up_or_recall);
}

static PyObject *names_abandon(Names *self, PyObject *unused)
{
    (void)unused;
    self->left = 0;
    Py_CLEAR(self->spool);
    Py_RETURN_NONE;
}

static PyObject *names_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *parameters[] = {"spool", "no_room", NULL};
    PyObject *spool, *no_room_;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:Names", parameters, &spool, &no_room_))
        return NULL;
    Names *self = (Names *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->number = next_number();
    Py_INCREF(spool);
    self->spool = spool;
    Py_INCREF(no_room_);
    self->no_room = no_room_;
    self->ids = PyDict_New();
    if (self->ids == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int names_traverse(Names *self, visitproc visit, void *arg)
{
    Py_VISIT(self->spool);
    Py_VISIT(self->no_room);
    Py_VISIT(self->view);
    return 0;
}

static int names_clear(Names *self)
{
    self->left = 0;
    Py_CLEAR(self->spool);
    Py_CLEAR(self->no_room);
    Py_CLEAR(self->view);
    return 0;
}

static void names_dealloc(Names *self)
{
    PyObject_GC_UnTrack(self);
    names_clear(self);
    Py_CLEAR(self->ids);
    for (int place = 0; place < PLACES; place++)
        Py_CLEAR(self->places[place].text);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef names_methods[] = {
    {"intern", (PyCFunction)(void (*)(void))names_intern, METH_FASTCALL | METH_KEYWORDS,
     "intern($self, text)\n--\n\nThe id of a text; writes it down on first sight. 0 once there are too many."},
    {"recall", (PyCFunction)(void (*)(void))names_recall, METH_FASTCALL | METH_KEYWORDS,
     "recall($self, text)\n--\n\nThe id of a text that comes again and again; 0 at first sight, and for what need not be kept."},
    {"abandon", (PyCFunction)names_abandon, METH_NOARGS, "abandon($self)\n--\n\nWrite nothing any more."},
    {NULL, NULL, 0, NULL},
};

PyTypeObject Names_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "tracekit._fast.Names",
    .tp_doc = "Names(spool, no_room)\n--\n\nThe names of one spool. Id 0 stands for a name that is not kept.",
    .tp_basicsize = sizeof(Names),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = names_new,
    .tp_dealloc = (destructor)names_dealloc,
    .tp_traverse = (traverseproc)names_traverse,
    .tp_clear = (inquiry)names_clear,
    .tp_methods = names_methods,
};
