/* Holders: threads as those that take locks. Knows no lock.

   A thread has a number of its own, which no other thread ever gets, and in a session a serial; it gets that as soon as it can
   say who it is. */
#ifndef TRACEKIT_HOLDERS_H
#define TRACEKIT_HOLDERS_H

#include "buffer.h"

typedef struct {
    uint32_t number;  /* 0: it has not got one */
    uint64_t session; /* the id of the Buffer in which its serial is known */
    bool is_busy;     /* it records a wait: whatever it takes meanwhile is not the program's affair */
} Here;

extern __thread Here here QUICK_TLS;

/* Give the calling thread its number, and find out its serial; what fails is swallowed. */
void learn_holder(Buffer *buffer);

/* Whether the calling thread is known; asks for it where it is not. */
static inline bool is_holder_known(Buffer *buffer)
{
    if (UNLIKELY(here.session != load_relaxed(&buffer->id)) && !here.is_busy)
        learn_holder(buffer);
    return here.session == load_relaxed(&buffer->id);
}

typedef struct {
    uint32_t serial;   /* 0: not known */
    bool is_inherited; /* it belongs to the process that this one is a fork of, and is not here */
} Holder;

Holder holder_of(uint32_t number);

/* The serial in this session of the thread that runs under this identifier, 0: not known. */
uint32_t serial_of_ident(unsigned long ident, uint64_t session);

/* In a fork's child only the thread that forked is there. */
void inherit_holders(void);

#endif
