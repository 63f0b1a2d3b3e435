/* Waits: the records of one wait for a lock, and of the release that ends it. Knows no kind of lock. */
#include "waits.h"

#include "codes.h"
#include "frames.h"

static uint32_t last_serial;

uint32_t serial_of_lock(const void *lock)
{
    Held *held = add_held(lock);
    if (held == NULL)
        return 0;
    if (held->serial == 0)
        held->serial = ++last_serial;
    return held->serial;
}

static void replace(Spot *spot, Spot *with)
{
    drop_spot(spot);
    *spot = *with;
    *with = (Spot){NULL, NULL, 0};
}

/* Where the user's code takes or awaits something, and the library's function that it does that by. */
typedef struct {
    Spot users, library, innermost;
    int whose; /* the innermost one */
} View;

static void drop_view(View *view)
{
    drop_spot(&view->users);
    drop_spot(&view->library);
    drop_spot(&view->innermost);
}

/* Keep what is wanted of a frame, and go on or not; -1 with an exception. */
static int look_at(View *view, Spot *spot)
{
    int whose = whose_code(spot->code, spot->name, true);
    if (whose < 0)
        return -1;
    if (view->innermost.code == NULL) {
        view->whose = whose;
        Py_INCREF(spot->code);
        Py_INCREF(spot->name);
        view->innermost = *spot;
    }
    if (whose == USERS) {
        replace(&view->users, spot);
        return 0;
    }
    if (whose == LOCKS || (whose == LIBRARYS && view->library.code == NULL))
        replace(&view->library, spot);
    return whose != STARTERS && view->whose != OURS;
}

static int look(View *view)
{
    *view = (View){.whose = USERS};
    Walk walk = begin_walk();
    Spot spot = {NULL, NULL, 0};
    int found;
    while ((found = walk_on(&walk, &spot)) > 0) {
        found = look_at(view, &spot);
        drop_spot(&spot);
        if (found <= 0)
            break;
    }
    end_walk(&walk);
    return found;
}

/* AWAITS of what is seen; -1 with an exception. */
static int add_view(FewDetails *details, const View *view)
{
    const Spot *users = &view->users, *library = &view->library;
    int64_t where = users->code == NULL ? 0 : id_of_place(users->code, users->name, users->last, true);
    int64_t what = library->code == NULL || where < 0 ? 0 : id_of_function(library->code, library->name, true);
    if (where < 0 || what < 0)
        return -1;
    add_one(details, AWAITS, (uint64_t)what << 32 | (uint64_t)where);
    return 0;
}

static void add_holder(FewDetails *details, Holder holder)
{
    if (holder.is_inherited)
        add_one(details, INHERITED, holder.serial);
    else if (holder.serial != 0)
        add_one(details, HOLDER, holder.serial);
}

/* Who has it, as far as that is known; -1 with an exception. What Python's own code has taken itself, to wait for whoever frees
   it, nobody has. */
static int add_taken(FewDetails *details, const void *lock, const View *view)
{
    Held *held = find_held(lock);
    if (held == NULL || held->code == NULL || (held->holder == here.number && view->whose == LOCKS))
        return 0;
    PyObject *code = held->code;
    int last = held->last;
    add_holder(details, holder_of(held->holder));
    Py_INCREF(code);
    int64_t at = id_of_place(code, name_of_code(code), last, true);
    Py_DECREF(code);
    if (at > 0)
        add_one(details, HELD_AT, (uint64_t)at);
    return at < 0 ? -1 : 0;
}

/* 1: it is to be recorded; 0: it is an affair of ours; -1 with an exception. */
static int describe(FewDetails *details, const void *lock, const Waited *waited)
{
    View view;
    int failed = look(&view);
    if (failed == 0 && view.whose != OURS) {
        if (waited->holder != 0)
            add_one(details, HOLDER, waited->holder);
        failed = waited->has_holder ? add_taken(details, lock, &view) : 0;
        if (failed == 0)
            failed = add_view(details, &view);
        if (waited->shared != 0)
            add_one(details, SHARED_LOCK, waited->shared);
    }
    bool is_ours = view.whose == OURS;
    drop_view(&view);
    return failed < 0 ? -1 : !is_ours;
}

static uint32_t id_of_class(const char *name)
{
    PyObject *text = PyUnicode_InternFromString(name);
    uint32_t id = text == NULL || probe_names == NULL ? 0 : intern(probe_names, text);
    Py_XDECREF(text);
    return id;
}

/* Write a record of a lock with its details; its serial, 0: it is not written. */
static uint32_t write_with(Buffer *buffer, unsigned kind, const char *name, const void *lock, const FewDetails *details)
{
    uint32_t class = name == NULL ? 0 : id_of_class(name);
    size_t index;
    uint64_t now;
    uint32_t serial = serial_of_lock(lock);
    if (serial == 0 || probe_buffer != buffer || !claim(buffer, size_with(details), &index, &now))
        return 0;
    store_details(index, details);
    commit(buffer, index, now, word_of(kind, class, serial));
    return serial;
}

/* Whether the calling thread records now; then it is busy with that until `end_recording`. */
static Buffer *begin_recording(Pending *pending)
{
    Buffer *buffer = probe_buffer;
    if (buffer == NULL || here.is_busy || !is_holder_known(buffer) || probe_buffer != buffer)
        return NULL;
    here.is_busy = true;
    *pending = put_aside();
    Py_INCREF(buffer);
    return buffer;
}

static void end_recording(Buffer *buffer, Pending pending)
{
    swallow();
    put_back(pending);
    Py_DECREF(buffer);
    here.is_busy = false;
}

void begin_wait(Wait *wait, const void *lock, Waited waited)
{
    *wait = (Wait){.lock = lock};
    Pending pending;
    Buffer *buffer = begin_recording(&pending);
    if (buffer == NULL)
        return;
    FewDetails details = {.count = 0};
    uint64_t session = buffer->id;
    if (describe(&details, lock, &waited) > 0)
        wait->serial = write_with(buffer, LOCK_WAIT, waited.name, lock, &details);
    Held *held = wait->serial == 0 ? NULL : find_held(lock);
    if (held != NULL)
        held->waiters++;
    wait->session = session;
    end_recording(buffer, pending);
}

void end_wait(const Wait *wait, bool is_taken)
{
    Buffer *buffer = probe_buffer;
    if (wait->serial == 0 || buffer == NULL || load_relaxed(&buffer->id) != wait->session)
        return;
    Held *held = find_held(wait->lock);
    if (held != NULL && held->serial == wait->serial && held->waiters > 0)
        held->waiters--;
    put(buffer, LOCK_WAIT_END, is_taken ? LOCK_TAKEN : LOCK_GIVEN_UP, wait->serial);
}

/* The user's line that runs on this thread, or the library's if there is none; -1 with an exception. */
static int find_taker(Spot *taker)
{
    Walk walk = begin_walk();
    Spot spot;
    int found, whose = USERS;
    while ((found = walk_on(&walk, &spot)) > 0) {
        whose = whose_code(spot.code, spot.name, true);
        if (whose == USERS || taker->code == NULL)
            replace(taker, &spot);
        drop_spot(&spot);
        if (whose <= USERS || whose == STARTERS)
            break;
    }
    end_walk(&walk);
    return found < 0 || whose < 0 ? -1 : 0;
}

void take_lock(const void *lock)
{
    Buffer *buffer = probe_buffer;
    if (UNLIKELY(buffer == NULL || here.is_busy)) { /* nobody is to be told for it who had it before */
        Held *held = find_held(lock);
        if (held != NULL)
            note_free(held);
        return;
    }
    is_holder_known(buffer);
    Spot taker = {NULL, NULL, 0};
    here.is_busy = true;
    if (UNLIKELY(find_taker(&taker) < 0))
        swallow();
    here.is_busy = false;
    note_taken(lock, taker.code, taker.last, here.number);
    drop_spot(&taker);
}

void release_known(Held *held)
{
    const void *lock = held->lock;
    Buffer *buffer = probe_buffer;
    if (held->waiters > 0 && buffer != NULL && !here.is_busy && is_holder_known(buffer)) {
        held = find_held(lock);
        if (held != NULL && probe_buffer == buffer)
            put(buffer, LOCK_RELEASE, 0, held->serial);
        held = find_held(lock);
    }
    if (held != NULL)
        note_free(held);
}

void take_shared(const void *lock, Waited waited)
{
    Pending pending;
    Buffer *buffer = begin_recording(&pending);
    if (buffer == NULL)
        return;
    FewDetails details = {.count = 0};
    Spot taker = {NULL, NULL, 0};
    int64_t at = find_taker(&taker) < 0 || taker.code == NULL ? -1 : id_of_place(taker.code, taker.name, taker.last, true);
    add_one(&details, SHARED_LOCK, waited.shared);
    if (at > 0)
        add_one(&details, HELD_AT, (uint64_t)at);
    write_with(buffer, LOCK_ACQUIRED, waited.name, lock, &details);
    drop_spot(&taker);
    end_recording(buffer, pending);
}

void release_shared(const void *lock, uint64_t shared)
{
    Pending pending;
    Buffer *buffer = begin_recording(&pending);
    if (buffer == NULL)
        return;
    FewDetails details = {.count = 0};
    add_one(&details, SHARED_LOCK, shared);
    write_with(buffer, LOCK_RELEASE, NULL, lock, &details);
    end_recording(buffer, pending);
}

int prepare_waits(void)
{
    Buffer *buffer = probe_buffer;
    Spot taker = {NULL, NULL, 0};
    if (buffer != NULL)
        is_holder_known(buffer);
    int failed = find_taker(&taker);
    if (failed == 0 && taker.code != NULL && id_of_place(taker.code, taker.name, taker.last, true) < 0)
        failed = -1;
    drop_spot(&taker);
    return failed;
}
