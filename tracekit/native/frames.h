/* Frames: runs of Python code, told apart by where they lie. Knows no code and no queue. */
#ifndef TRACEKIT_FRAMES_H
#define TRACEKIT_FRAMES_H

#include "common.h"

/* Where a frame lies. Another one may lie there once it is gone. */
typedef const void *Place;

/* Whether the interpreter's own frames lie where we believe; where not, frame objects stand for them. */
extern bool frames_are_known;

/* Find that out; called from Python code, before anything else here. */
void learn_frames(void);

/* Where a frame stands. All three are held. */
typedef struct {
    PyObject *code, *name; /* the name is the qualified one, since there is one */
    int last;              /* as `f_lasti` */
} Spot;

/* The qualified name of a code, since there is one; borrowed. */
static inline PyObject *name_of_code(PyObject *code)
{
#if PY_VERSION_HEX >= 0x030B0000
    return ((PyCodeObject *)code)->co_qualname;
#else
    return ((PyCodeObject *)code)->co_name;
#endif
}

static inline void drop_spot(Spot *spot)
{
    Py_CLEAR(spot->code);
    Py_CLEAR(spot->name);
}

/* Where a coroutine or generator, of exactly one of Python's three types, is suspended: 1; 0: it has no frame; -1 with an
   exception. */
int spot_of(PyObject *generator, Spot *spot);

/* A way through the frames of the calling thread, from the innermost one outwards. */
typedef struct {
    Place frame;
    PyFrameObject *object; /* held; instead of the other where frames are not known */
} Walk;

Walk begin_walk(void);

/* The next frame: 1 and where it stands; 0: there is none; -1 with an exception. */
int walk_on(Walk *walk, Spot *spot);
void end_walk(Walk *walk);

/* The frame that called us, by way of the object that Python makes of it on request. */
Place place_of_caller_object(void);

/* The innermost frame whose function has this name, and its code. NULL: there is none. */
Place place_of_function(const char *name, const void **code);

/* The code that the frame runs which called us, as an address. */
const void *code_of_caller(void);

/* Whether a frame that lies there and runs that code is on the calling thread's stack. */
bool is_on_stack(Place place, const void *code);

static inline Place place_of_caller(void)
{
#if PY_VERSION_HEX < 0x030B0000
    return PyThreadState_Get()->frame;
#elif PY_VERSION_HEX < 0x030F0000
    if (LIKELY(frames_are_known)) {
#if PY_VERSION_HEX < 0x030D0000
        return PyThreadState_Get()->cframe->current_frame;
#else
        return PyThreadState_Get()->current_frame;
#endif
    }
    return place_of_caller_object();
#else
    return place_of_caller_object();
#endif
}

#endif
