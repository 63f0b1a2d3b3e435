"""The layout of a spool file, byte for byte; writer and reader share it. Knows no kind of event and touches no file.

A spool belongs to one process: `PID-START.spool` in the directory of the session. All numbers are little-endian.

    offset 0        header, one page: HEADER_WORDS words of 64 bits, the rest zero
    offset 4096     blocks of BLOCK_BYTES each, handed out to one thread at a time, or to the names

A block of records: a head of two slots (BLOCK_HEAD_WORDS words: type and number, thread serial and tid, two reserved), then
slots of 16 bytes, each one record of two words:

    word 0   time in units of the spool's clock (H_CLOCK), or a 64-bit payload (details)
    word 1   kind, bits 0 to 7; a, bits 8 to 31; b, bits 32 to 63

Word 1 is written last and is never 0 in a complete record: it is the commit mark. A slot whose word 1 is 0 holds nothing
(never used, or cut off by a kill); what comes after it in the block may still be complete. Blocks of one thread follow
each other in the order of their numbers. A *slot number* names a record for others: the number of its block times
BLOCK_SLOTS, plus the place in the block, in 32 bits.

A flight recorder hands its blocks out again and again. A block that is handed out anew has a new number, so that a slot
number always means one record; while that goes on its head word is 0, and the block holds nothing. What was open when its
beginning was let go of lies copied in *carried* blocks: behind the head, entries of one slot (word 0: owner, as in a block's
head; word 1: CARRIED, number of slots in `a`, slot number of the first in `b`, written last) and the slots that were copied.
An entry whose kind is CARRIED_GONE is void. One that stands twice is one.

A block of names: the same head, then entries one after another, each 8-byte aligned: one word (length in bytes, bits 0 to
31; id + 1, bits 32 to 63), then that many bytes of UTF-8, padded to 8. The word is written last; an entry whose word is 0
ends the block. An id stands once in a file; ids are in no order.
"""

from __future__ import annotations

MAGIC = 0x31544B5F43415254  # "TRAC_KT1" read as a little-endian word
VERSION = 2
HEADER_BYTES = 4096
BLOCK_BYTES = 16384
SLOT_BYTES = 16
BLOCK_SLOTS = BLOCK_BYTES // SLOT_BYTES
BLOCK_HEAD_SLOTS = 2
BLOCK_HEAD_WORDS = 4

# Words of the header.
H_MAGIC = 0
H_VERSION = 1
H_PID = 2
H_PPID = 3
H_START_TICKS = 4  # the kernel's start time of the process, which an exec keeps and a reused pid does not
H_START_MONOTONIC = 5  # the two clocks, read together when the spool was opened
H_START_WALL = 6
H_END_MONOTONIC = 7  # and when it was closed; 0 until then
H_END_WALL = 8
H_ENDED = 9  # one of the ENDED_ values
H_FORK = 10  # the serial of the PROCESS_FORK that made this process, or 0
H_DROPPED = 11  # records that found no room, at most
H_PYTHON = 12  # sys.hexversion
H_CLOCK = 13  # what the times of records count: one of the CLOCK_ values
H_START_READING = 14  # that clock, read together with H_START_MONOTONIC; 0 where they are the same
H_END_READING = 15  # and with H_END_MONOTONIC
H_FLIGHT_NS = 16  # flight recorder: the length of the window that was asked for; 0 where its size was
H_LET_GO = 17  # flight recorder: time of the newest record that was let go of; 0: none was
H_DUMPS = 18  # how often the process has asked to have its window written out
H_DUMP_REASON = 19  # the name that says why, the last time
H_CARRY_LOST = 20  # open things that found no room among the carried
H_FOUND_DEAD = (
    21  # flight recorder: CLOCK_MONOTONIC when the process was found gone, its spool not closed; 0: it was not
)
H_OBSERVER = 22  # 1: what another process saw of the program from outside; its own process is no part of the program
HEADER_WORDS = 32

CLOCK_MONOTONIC_NS = 0
CLOCK_TSC = 1  # the processor's time stamp counter; CLOCK records and the header tell what it showed when

ENDED_NOT = 0  # still running, or killed
ENDED_NORMALLY = 1
ENDED_NO_SPACE = 2  # the disk, a quota or RLIMIT_FSIZE
ENDED_MAX_SIZE = 3  # the session's own cap
ENDED_ERROR = 4

# Block types, in the low 32 bits of a block's first word; the high 32 bits hold the block's number, from 0. 0: not handed out.
BLOCK_RECORDS = 0xB10C
BLOCK_NAMES = 0x7E87
BLOCK_CARRIED = 0xCA44

# Kinds of the first slot of an entry in a carried block.
CARRIED = 250
CARRIED_GONE = 251

A_BITS = 24
A_MAX = (1 << A_BITS) - 1
B_MAX = (1 << 32) - 1
SLOT_MASK = (1 << 32) - 1

NAME_BYTES = 4096  # longer names are cut


def pack_word(kind: int, a: int = 0, b: int = 0) -> int:
    """The second word of a record."""
    return kind | a << 8 | b << 32


def unpack_word(word: int) -> tuple[int, int, int]:
    """Kind, a and b of a record's second word."""
    return word & 0xFF, word >> 8 & A_MAX, word >> 32


def code_text(function: str, file: str, line: int) -> str:
    """The name under which a place in the code is kept: function (qualified), file and line in one string."""
    return f"{function}\0{file}\0{line}"


def parse_code(text: str) -> tuple[str, str, int]:
    """Function, file and line of a name made by `code_text`; what is missing is "" or 0."""
    function, _, rest = text.partition("\0")
    file, _, line = rest.rpartition("\0")
    return function, file, int(line) if line.isdecimal() else 0
