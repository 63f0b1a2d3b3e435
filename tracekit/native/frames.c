/* Frames: runs of Python code, told apart by where they lie. Knows no code and no queue.

   Since 3.11 the interpreter's frames are no objects. Its own header says where an object keeps the address of its frame;
   that is not public, so it is compared once with what the interpreter itself says is running. */
#include "frames.h"

#if PY_VERSION_HEX < 0x030B0000
#include <frameobject.h>
#endif

bool frames_are_known;

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

void learn_frames(void)
{
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030F0000
    if (frames_are_known)
        return;
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    frames_are_known = true;
    frames_are_known = frame != NULL && place_of_object(frame) == place_of_caller();
    Py_XDECREF(frame);
#endif
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
