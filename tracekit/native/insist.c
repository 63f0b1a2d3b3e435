/* insist: a signal that Python's handler has not answered comes again. Knows signals, and not what they are for.

   A handler in Python runs when the main thread next looks. Where the signal comes after its last look and before a call that
   blocks, it never looks again, and a program that would have died at once waits for ever. So the signal is sent once more
   after a while: it interrupts the call then, and Python looks. */
#include "insist.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>

enum { AGAIN_NS = 50000000, SIGNALS = 65 };

static void (*python_handlers[SIGNALS])(int);
static int timers[SIGNALS]; /* the kernel's own numbers: glibc's functions may not be called in a handler */

static void handle(int number)
{
    int error = errno;
    python_handlers[number](number);
    struct itimerspec again = {.it_value = {.tv_nsec = AGAIN_NS}};
    syscall(SYS_timer_settime, timers[number], 0, &again, NULL);
    errno = error;
}

static int insist_on(int number)
{
    struct sigaction action;
    if (sigaction(number, NULL, &action) < 0)
        return -1;
    if (action.sa_handler != handle) {
        if ((action.sa_flags & SA_SIGINFO) || action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)
            return 0;
        python_handlers[number] = action.sa_handler;
    }
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = number};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timers[number]) < 0)
        return -1;
    action.sa_handler = handle;
    return sigaction(number, &action, NULL);
}

static PyObject *insist(PyObject *Py_UNUSED(module), PyObject *given)
{
    long number = PyLong_AsLong(given);
    if (number == -1 && PyErr_Occurred())
        return NULL;
    if (number < 1 || number >= SIGNALS) {
        PyErr_SetString(PyExc_ValueError, "no such signal");
        return NULL;
    }
    if (insist_on((int)number) < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}
#else
static PyObject *insist(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(given))
{
    Py_RETURN_NONE;
}
#endif

PyMethodDef insist_methods[] = {
    {"insist", insist, METH_O,
     "insist(signal, /)\n--\n\nSend a signal again as long as this, the main thread, has not run its handler in Python.\n\n"
     "To be called anew in the child of a fork. A signal without such a handler is left alone."},
    {NULL, NULL, 0, NULL},
};
