/* Frames: runs of Python code, told apart by where they lie. Knows no code and no queue.

   Since 3.11 the interpreter's frames are no objects. Its own header says where an object keeps the address of its frame;
   that is not public, so it is compared once with what the interpreter itself says is running. */
#include "frames.h"

#if PY_VERSION_HEX < 0x030B0000
#include <frameobject.h>
#endif

bool frames_are_known;

/* As far as we read the interpreter's frames. */
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030E0000
#define FRAMES_ARE_READ 1
typedef struct inner {
#if PY_VERSION_HEX < 0x030C0000
    void *function, *globals, *builtins, *locals;
    PyObject *code;
    PyFrameObject *object;
    const struct inner *previous;
    const _Py_CODEUNIT *last;
#else
    PyObject *code;
    const struct inner *previous;
#endif
} Inner;

static int last_of(const Inner *frame)
{
#if PY_VERSION_HEX < 0x030C0000
    return (int)(frame->last - _PyCode_CODE((PyCodeObject *)frame->code)) * (int)sizeof(_Py_CODEUNIT);
#else
    return PyUnstable_InterpreterFrame_GetLasti((struct _PyInterpreterFrame *)frame);
#endif
}
#else
#define FRAMES_ARE_READ 0
#endif

static Place place_of_object(PyFrameObject *frame)
{
#if PY_VERSION_HEX >= 0x030B0000
    if (frames_are_known) {
        struct {
            PyObject_HEAD
            PyFrameObject *back;
            Place frame;
        } object;
        memcpy(&object, frame, sizeof object);
        return object.frame;
    }
#endif
    return frame;
}

COLD Place place_of_caller_object(void)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    Py_XDECREF(frame); /* as long as it runs the address is its own */
    return frame;
}


/* Walk outwards; takes the reference, gives a new one. */
static PyFrameObject *outer(PyFrameObject *frame)
{
    PyFrameObject *back = PyFrame_GetBack(frame);
    Py_DECREF(frame);
    return back;
}

static const void *code_of(PyFrameObject *frame)
{
    PyCodeObject *code = PyFrame_GetCode(frame);
    Py_DECREF(code); /* the frame has it */
    return code;
}

COLD const void *code_of_caller(void)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    const void *code = frame == NULL ? NULL : code_of(frame);
    Py_XDECREF(frame);
    return code;
}

COLD Place place_of_function(const char *name, const void **code)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    for (; frame != NULL; frame = outer(frame)) {
        const PyCodeObject *here = code_of(frame);
        *code = here;
        if (PyUnicode_CompareWithASCIIString(here->co_name, name) == 0)
            break;
    }
    Place place = frame == NULL ? NULL : place_of_object(frame);
    Py_XDECREF(frame);
    return place;
}

COLD bool is_on_stack(Place place, const void *code)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    while (frame != NULL && (place_of_object(frame) != place || code_of(frame) != code))
        frame = outer(frame);
    Py_XDECREF(frame);
    return frame != NULL;
}

static int set_spot(Spot *spot, PyObject *code, PyObject *name, int last)
{
    Py_INCREF(code);
    Py_INCREF(name);
    *spot = (Spot){code, name, last};
    return 1;
}

static int spot_of_object(PyFrameObject *frame, Spot *spot)
{
    PyObject *code = (PyObject *)PyFrame_GetCode(frame);
#if PY_VERSION_HEX >= 0x030B0000
    int last = PyFrame_GetLasti(frame);
#else
    int last = frame->f_lasti * (int)sizeof(_Py_CODEUNIT);
#endif
    set_spot(spot, code, name_of_code(code), last);
    Py_DECREF(code);
    return 1;
}

#if PY_VERSION_HEX < 0x030E0000
int spot_of(PyObject *generator, Spot *spot)
{
    PyGenObject *object = (PyGenObject *)generator; /* the three types begin alike */
#if PY_VERSION_HEX < 0x030B0000
    if (object->gi_frame == NULL)
        return 0;
    return set_spot(spot, object->gi_code, object->gi_qualname, object->gi_frame->f_lasti * (int)sizeof(_Py_CODEUNIT));
#else
    if (object->gi_frame_state >= 0) /* it runs, or has ended */
        return 0;
    const Inner *frame = (const Inner *)object->gi_iframe;
    return set_spot(spot, frame->code, object->gi_qualname, last_of(frame));
#endif
}
#else
int spot_of(PyObject *generator, Spot *spot)
{
    const char *attribute = PyCoro_CheckExact(generator) ? "cr_frame" : PyGen_CheckExact(generator) ? "gi_frame" : "ag_frame";
    PyObject *frame = PyObject_GetAttrString(generator, attribute);
    PyObject *name = frame == NULL || frame == Py_None ? NULL : PyObject_GetAttrString(generator, "__qualname__");
    if (name != NULL) {
        spot_of_object((PyFrameObject *)frame, spot);
        Py_SETREF(spot->name, name);
    }
    Py_XDECREF(frame);
    return name != NULL ? 1 : PyErr_Occurred() ? -1 : 0;
}
#endif

Walk begin_walk(void)
{
    if (FRAMES_ARE_READ && frames_are_known)
        return (Walk){place_of_caller(), NULL};
    return (Walk){NULL, PyThreadState_GetFrame(PyThreadState_Get())};
}

int walk_on(Walk *walk, Spot *spot)
{
#if FRAMES_ARE_READ
    while (walk->frame != NULL) {
        const Inner *frame = walk->frame;
        walk->frame = frame->previous;
        if (frame->code != NULL && PyCode_Check(frame->code)) /* else the interpreter's own */
            return set_spot(spot, frame->code, name_of_code(frame->code), last_of(frame));
    }
#endif
    if (walk->object == NULL)
        return 0;
    int found = spot_of_object(walk->object, spot);
    walk->object = outer(walk->object);
    return found;
}

void end_walk(Walk *walk)
{
    Py_CLEAR(walk->object);
}

#if FRAMES_ARE_READ
/* Whether the frames that we read are those that the interpreter shows: it leaves out some of its own. */
static bool agree(void)
{
    PyFrameObject *object = PyThreadState_GetFrame(PyThreadState_Get());
    Walk walk = {place_of_caller(), NULL};
    bool same = true;
    while (same && object != NULL) {
        Spot shown, read = {NULL, NULL, 0};
        spot_of_object(object, &shown);
        do {
            drop_spot(&read);
            same = walk_on(&walk, &read) > 0;
        } while (same && read.code != shown.code);
        same = same && read.last == shown.last;
        drop_spot(&read);
        drop_spot(&shown);
        object = outer(object);
    }
    Py_XDECREF(object);
    return same;
}
#endif

void learn_frames(void)
{
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030F0000
    if (frames_are_known)
        return;
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    frames_are_known = true;
    frames_are_known = frame != NULL && place_of_object(frame) == place_of_caller();
    Py_XDECREF(frame);
#if FRAMES_ARE_READ
    frames_are_known = frames_are_known && agree();
#endif
#endif
}
