/* Holders: threads as those that take locks. Knows no lock. */
#include "holders.h"

__thread Here here QUICK_TLS;

typedef struct {
    uint32_t serial;
    unsigned long ident;
    uint64_t session; /* in which it has that serial */
} Known;

static struct {
    Known *known; /* by number */
    uint32_t count, room;
    uint32_t inherited; /* numbers up to this one are the parent's, but for the thread that forked */
    uint32_t forker;
} holders;

static bool take_number(void)
{
    if (holders.count + 1 >= holders.room) {
        uint32_t room = holders.room == 0 ? 64 : 2 * holders.room;
        Known *more = PyMem_RawRealloc(holders.known, room * sizeof *more);
        if (more == NULL)
            return false;
        holders.known = more;
        holders.room = room;
    }
    here.number = ++holders.count;
    holders.known[here.number] = (Known){.ident = PyThread_get_thread_ident()};
    return true;
}

COLD void learn_holder(Buffer *buffer)
{
    static PyObject *ask;
    if (here.number == 0 && !take_number())
        return;
    uint64_t session = buffer->id;
    holders.known[here.number].serial = 0; /* what it had in another session */
    here.is_busy = true;
    Pending pending = put_aside();
    PyObject *told = from_package(&ask, "tracekit.hooks.holder", "thread_serial") == NULL ? NULL : PyObject_CallNoArgs(ask);
    int64_t serial = take_serial(told);
    swallow();
    put_back(pending);
    here.is_busy = false;
    if (serial <= 0)
        return;
    holders.known[here.number].serial = (uint32_t)serial;
    holders.known[here.number].session = session;
    here.session = session;
}

Holder holder_of(uint32_t number)
{
    if (number == 0 || number > holders.count)
        return (Holder){0, false};
    return (Holder){holders.known[number].serial, number <= holders.inherited && number != holders.forker};
}

uint32_t serial_of_ident(unsigned long ident, uint64_t session)
{
    for (uint32_t number = holders.count; number > holders.inherited; number--)
        if (holders.known[number].ident == ident)
            return holders.known[number].session == session ? holders.known[number].serial : 0;
    return 0;
}

void inherit_holders(void)
{
    holders.inherited = holders.count;
    holders.forker = here.number;
    here.session = 0;
    here.is_busy = false;
    if (here.number != 0)
        holders.known[here.number].serial = 0;
}
