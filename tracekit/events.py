"""The table of events: every kind of record, what its fields mean, and which kind it ends.

Writer and reader share this file, so it depends on nothing, not even on the standard library, and it knows neither how
a record is laid out in bytes (spool/layout.py) nor what a trace makes of it (model/builder.py).

A record has a time, a kind, a small field `a` (24 bits) and a large one `b` (32 bits). Records of
one thread stand in the order in which that thread wrote them. What does not fit follows at once in *details*: records whose
kind is `FIRST_DETAIL` or more, which carry a 64-bit payload in place of the time and belong to the record before them. A text
takes as many of them as it needs (spool/texts.py).
"""

from __future__ import annotations


class Event:
    """One row of the table.

    Args:
        kind: the number in the record; never reused for another meaning.
        name: the name in text dumps and in messages.
        a: what field `a` holds; "" where it is 0.
        b: what field `b` holds; "" where it is 0.
        ends: the kind that this one ends, or 0.
        details: the kinds of detail that may follow.
    """

    __slots__ = ("a", "b", "details", "ends", "kind", "name")

    def __init__(
        self, kind: int, name: str, a: str = "", b: str = "", ends: int = 0, details: tuple[int, ...] = ()
    ) -> None:
        self.kind = kind
        self.name = name
        self.a = a
        self.b = b
        self.ends = ends
        self.details = details

    def __repr__(self) -> str:
        return f"<Event {self.kind} {self.name}>"


FIRST_DETAIL = 200

# Details. `a` is the name of the argument for ARG_*; the payload is described here.
ARG_INT = 200  # a signed 64-bit integer
ARG_FLOAT = 201  # the bits of a double
ARG_TEXT = 202  # a text (spool/texts.py)
ARG_TRUE = 203
ARG_FALSE = 204
ARG_NONE = 205
MORE = 206  # a text goes on
NAME = 207  # a text: the name of the record, where its `a` is 0
CODE = 210  # the id of a name made by layout.code_text: function, file, line
LOOP = 211  # the serial of an event loop in this process
ERROR = 212  # the id of the name of an exception's class
LATE = 213  # this was there before it was first seen: its beginning and its cause are unknown
EXECUTOR = 214  # the serial of an executor in this process; a: the name of its class
WORK = 215  # a ProcessPoolExecutor's own number of the job, which its workers see as well
PARENT = 216  # the pid of the process that asked for this one, where that is not its parent (forkserver)
REASON = 217  # the id of a name: why a child cannot be traced
SCHEDULED = 218  # the serial of the CALLBACK_READY that scheduled this callback from another thread
READING = 219  # CLOCK_MONOTONIC in ns
AWAITS = 220  # ids of two texts of layout.code_text: the user's frame that waits (low 32 bits, 0: none), and the innermost one
AWAITED_TASK = 221  # the serial of the task that is awaited
AWAITED = 222  # the id of the name of the class of what is awaited, where that is neither asyncio's Future nor its Task
DUE = 223  # when a timer was due: CLOCK_MONOTONIC in ns
CREATED_AT = 224  # the id of a text of layout.code_text: the user's line that created it
PID = 226
ON_CPU = 227  # ns that a thread has been on a processor
RUN_QUEUE = 228  # ns that it has waited for one
FRAME = 229  # the id of a text of layout.code_text
HOLDER = 230  # the serial of the thread that holds the lock
HELD_AT = 231  # the id of a text of layout.code_text: where it was taken
BYTES = 232  # how large something is
RSS = 233  # bytes
PSS = 234  # bytes
SHARED = 235  # bytes of its memory that others map as well
SWITCHES = 236  # how often a thread has been given a processor
INVOLUNTARY = 237  # how often one has been taken from it
STATUS = 238  # how a process ended, as wait(2) tells
INHERITED = 240  # the serial, in the parent, of the thread that held the lock when this process was forked
SHARED_LOCK = 241  # a number of the lock that is the same in every process that shares it
WORKERS = 245  # how many workers an executor may have
INDEX = 246  # which of the pieces of a job this is
ITEMS = 247  # how many calls a piece of a job makes
LAZY = 248  # its pieces are made one after another while it runs: when each was submitted is not known
PEAK = 249  # bytes: the most of its memory that has lain in RAM, by the kernel's own count
COMMAND = 253  # the id of a name: a command line
TOOK = 252  # ns from when something was asked for to the record of it
GIL_LOOKS = (
    254  # of the looks since the last sample at which the thread ran: with the GIL (high 32 bits), and without it
)

ARGUMENTS = (ARG_INT, ARG_FLOAT, ARG_TEXT, ARG_TRUE, ARG_FALSE, ARG_NONE)

# How a task or a job ended (field `a` of TASK_DONE, JOB_END and REMOTE_JOB_END).
OUTCOME_DONE = 1
OUTCOME_FAILED = 2
OUTCOME_CANCELLED = 3
OUTCOMES = {OUTCOME_DONE: "done", OUTCOME_FAILED: "failed", OUTCOME_CANCELLED: "cancelled"}

# What is made into bytes or read from them (field `a` of PICKLE_BEGIN and PICKLE_END).
PICKLE_JOB = 1
UNPICKLE_JOB = 2
PICKLE_RESULT = 3
UNPICKLE_RESULT = 4

# Probes.
SPAN_BEGIN = 1
SPAN_END = 2
SPAN_ARGS = 3
SPAN_SUSPEND = 4
SPAN_RESUME = 5
INSTANT = 6
COUNTER = 7
# Threads.
THREAD_START = 10
THREAD_BEGIN = 11
THREAD_END = 12
THREAD_NAME = 13
# asyncio.
LOOP_BEGIN = 20
LOOP_END = 21
TASK_CREATED = 22
TASK_READY = 23
STEP_BEGIN = 24
STEP_END = 25
TASK_DONE = 26
TASK_NAME = 27
CALLBACK_BEGIN = 28
CALLBACK_END = 29
CALLBACK_READY = 30
LOOP_TURN = 32
# Executors.
JOB_SUBMIT = 40
JOB_BEGIN = 41
JOB_END = 42
REMOTE_JOB_BEGIN = 43
REMOTE_JOB_END = 44
POOL_WORKER = 45
PICKLE_BEGIN = 46
PICKLE_END = 47
RESULT_TAKEN = 48
JOB_TOLD = 49
# Processes.
PROCESS_BEGIN = 50
PROCESS_NAME = 51
PROCESS_END = 52
PROCESS_SPAWN = 53
PROCESS_FORK = 54
PROCESS_EXIT = 55
PROCESS_EXEC = 56
PROCESS_ASKED = 57
# What the program logs.
LOG = 58
# Garbage collection, tracekit's own word, and the clock.
GC_BEGIN = 60
GC_END = 61
NOTE = 70
CLOCK = 71
# What a recorder of all calls of functions writes elsewhere.
CALLS_CLOCK = 72
# What an observer sees from outside of the process.
SAMPLE = 80
STACK = 81
WEIGHT = 82
SEEN_PROCESS = 83
SEEN_THREAD = 84
GONE = 85
# Locks.
LOCK_WAIT = 90
LOCK_WAIT_END = 91
LOCK_RELEASE = 92
LOCK_ACQUIRED = 93

# What a TASK_READY says of its cause (field `a`).
READY_CANCELLED = 1  # the future that the task awaited was cancelled

# What a thread was seen to do (field `a` of SAMPLE).
STATE_RUNNING = 1  # on a processor, or waiting for one
STATE_GIL = 2  # waiting for the GIL
STATE_SYSCALL = 3  # in a system call that is none of the following
STATE_LOCK = 4  # waiting for a lock other than the GIL
STATE_POLL = 5  # in select, poll or epoll
STATE_IO = 6  # in a read, recv, accept, connect, write or send
STATE_SLEEP = 7
STATE_CHILD = 8  # waiting for a child process
STATES = {
    STATE_RUNNING: "running",
    STATE_GIL: "gil",
    STATE_SYSCALL: "syscall",
    STATE_LOCK: "lock",
    STATE_POLL: "poll",
    STATE_IO: "io",
    STATE_SLEEP: "sleep",
    STATE_CHILD: "child",
}

# What a thread did whose stack was read (field `a` of STACK).
STACK_GIL = 1  # it held the GIL
STACK_ACTIVE = 2
STACK_IDLE = 3

# How a worker of a pool ends (field `a` of POOL_WORKER).
WORKER_TERMINATED = 1  # its pool sends it SIGTERM when that is over

# Why the clocks are compared (field `a` of CALLS_CLOCK).
CALLS_BEGIN = 1
CALLS_WRITTEN = 2  # right before what viztracer has is written down
CALLS_WRITTEN_IN_PART = 3  # the same, and it was asked to leave out what lies deep or elsewhere, maybe also its own end

# How a wait for a lock ended (field `a` of LOCK_WAIT_END).
LOCK_TAKEN = 1
LOCK_GIVEN_UP = 0  # by a timeout or an exception

TABLE: tuple[Event, ...] = (
    Event(SPAN_BEGIN, "span begin", a="name", details=(*ARGUMENTS, NAME)),
    Event(SPAN_END, "span end", b="slot of its begin", ends=SPAN_BEGIN, details=(ERROR,)),
    Event(SPAN_ARGS, "span arguments", b="slot of its begin", details=ARGUMENTS),
    # A generator's span: what runs between a suspend and the next resume is not its own. A suspend ends the part that
    # the span's begin or last resume opened on this thread.
    Event(SPAN_SUSPEND, "span suspend", b="slot of its begin"),
    Event(SPAN_RESUME, "span resume", b="slot of its begin"),
    Event(INSTANT, "instant", a="name", details=(*ARGUMENTS, NAME)),
    # One ARG_INT or ARG_FLOAT a series; `a` of the detail is the name of the series.
    Event(COUNTER, "counter", a="name", details=(ARG_INT, ARG_FLOAT, NAME)),
    # Written by the thread that starts another one. CODE: what for.
    Event(THREAD_START, "thread start", a="name", b="serial of the new thread", details=(NAME, CODE)),
    # Written by the thread itself, first of all. LATE: it ran before the session began, or nobody saw it start.
    Event(THREAD_BEGIN, "thread begin", a="name", b="serial of this thread", details=(LATE, NAME)),
    Event(THREAD_END, "thread end", b="serial of this thread", ends=THREAD_BEGIN),
    Event(THREAD_NAME, "thread name", a="name", b="serial of this thread", details=(NAME,)),
    # One run of the loop (run_forever), on the thread that runs it. LATE: it was running when the session began.
    Event(LOOP_BEGIN, "loop begin", a="name of its class", b="serial of the loop", details=(LATE,)),
    Event(LOOP_END, "loop end", b="serial of the loop", ends=LOOP_BEGIN),
    # Written where the task's first step is scheduled, so that the order on the thread tells who created it; it is ready
    # from that moment. LATE: the task was there before: creator unknown, and a TASK_READY will follow for its next step.
    Event(TASK_CREATED, "task created", a="name", b="serial of the task", details=(CODE, LOOP, LATE, CREATED_AT, NAME)),
    # Written where a later step is scheduled, by whatever schedules it (another step, a callback, another thread).
    Event(TASK_READY, "task ready", a="READY_CANCELLED or 0", b="serial of the task"),
    Event(STEP_BEGIN, "step begin", b="serial of the task"),
    # CODE only on a step longer than the threshold: where the step stopped. The others where the task waits for a future now.
    Event(
        STEP_END,
        "step end",
        b="serial of the task",
        ends=STEP_BEGIN,
        details=(CODE, AWAITS, AWAITED_TASK, AWAITED),
    ),
    # Written right before the STEP_END of the task's last step, or alone where the task ended without one.
    Event(TASK_DONE, "task done", a="outcome", b="serial of the task", details=(ERROR,)),
    Event(TASK_NAME, "task name", a="name", b="serial of the task", details=(NAME,)),
    # A callback of the loop that is no task step. CODE where its function is known. AWAITED_TASK: all that it is given is this
    # task, which has ended.
    Event(CALLBACK_BEGIN, "callback begin", a="name", details=(CODE, SCHEDULED, DUE, AWAITED_TASK)),
    Event(CALLBACK_END, "callback end", ends=CALLBACK_BEGIN),
    # Written by a thread other than the loop's (call_soon_threadsafe), where it schedules a callback that is no task step.
    Event(CALLBACK_READY, "callback ready", b="serial of the callback"),
    # The loop looks how many callbacks are ready, right before it runs them; only where that is not as many as the last time.
    Event(LOOP_TURN, "loop turn", b="how many are ready"),
    # Written by the thread that submits. WORK: the pool's own number of the job, whose run its worker records as remote.
    # WORKERS with the first job of an executor.
    Event(
        JOB_SUBMIT, "job submit", a="name", b="serial of the job", details=(CODE, EXECUTOR, WORKERS, WORK, ITEMS, LAZY)
    ),
    Event(JOB_BEGIN, "job begin", a="name", b="serial of the job"),
    Event(JOB_END, "job end", a="outcome", b="serial of the job", ends=JOB_BEGIN, details=(ERROR,)),
    # Written by a worker that knows only the WORK number, `b`: another process, whose executor its parent's POOL_WORKER tells,
    # or a thread, which gives its EXECUTOR.
    Event(REMOTE_JOB_BEGIN, "remote job begin", a="name", b="work number", details=(CODE, EXECUTOR, INDEX, ITEMS)),
    Event(REMOTE_JOB_END, "remote job end", a="outcome", b="work number", ends=REMOTE_JOB_BEGIN, details=(ERROR,)),
    # Written by the parent of a worker; without details by the worker itself, when it first waits for a job.
    Event(POOL_WORKER, "pool worker", a="WORKER_TERMINATED or 0", b="pid of the worker", details=(EXECUTOR, WORKERS)),
    # Bytes have come or are to be made. Where nothing more is to be told of them (they were no job's) no end follows.
    Event(PICKLE_BEGIN, "pickle begin", a="what"),
    # EXECUTOR only where the job was submitted; ERROR in place of BYTES.
    Event(PICKLE_END, "pickle end", a="what", ends=PICKLE_BEGIN, details=(EXECUTOR, WORK, INDEX, BYTES, ERROR)),
    # Written by the thread that tells how a job ended that ran elsewhere, or that cancels it; of pieces when all have ended.
    Event(JOB_TOLD, "job told", a="outcome", b="serial of the job", details=(ERROR,)),
    # Written by a thread that had to wait for the result of a job and now goes on.
    Event(RESULT_TAKEN, "result taken", b="serial of the job"),
    # First record of a process. Its details: argv, python, executable, as ARG_TEXT. LATE: the session began later than it.
    Event(PROCESS_BEGIN, "process begin", a="name", details=(*ARGUMENTS, LATE)),
    # Written by a child of multiprocessing. CODE: what it was started for.
    Event(PROCESS_NAME, "process name", a="name", details=(PARENT, NAME, CODE)),
    Event(PROCESS_END, "process end", ends=PROCESS_BEGIN),
    # Written by the thread that started another program, once its pid is known. Details: command as ARG_TEXT; REASON where
    # it is plain that the child cannot be entered; CODE: the program's line that did it. Without a pid: os.system's, written when
    # that is over; STATUS is its.
    Event(
        PROCESS_SPAWN,
        "process spawn",
        a="name",
        b="pid of the child, or 0",
        details=(*ARGUMENTS, REASON, TOOK, STATUS, NAME, CODE),
    ),
    # Written right before a fork; the child's header names the same serial. CODE: the program's line that did it.
    Event(PROCESS_FORK, "process fork", b="serial of the fork", details=(CODE,)),
    # Written by whoever waited for a child and was told of its end.
    Event(PROCESS_EXIT, "process exit", b="pid of the child", details=(STATUS,)),
    # Written right before this process becomes another program, and again with its errno where it could not.
    Event(PROCESS_EXEC, "process exec", a="name", b="errno, or 0", details=(*ARGUMENTS, NAME)),
    # Written by whoever had a fork server make a process, once its pid is known.
    Event(PROCESS_ASKED, "process asked", b="pid of the child", details=(TOOK,)),
    # Written where something is logged. A level is a number as `logging` has it; CODE: where in the program.
    Event(
        LOG,
        "log",
        a="text",
        b="level (8 bits), and the id of its name where that is no usual one",
        details=(*ARGUMENTS, NAME, ERROR, CODE),
    ),
    Event(GC_BEGIN, "gc begin", a="generation"),
    Event(GC_END, "gc end", a="generation", b="objects collected", ends=GC_BEGIN),
    # tracekit's own word to the user: a hook that failed, records that were dropped.
    Event(NOTE, "note", a="text"),
    # What CLOCK_MONOTONIC showed at the time of this record; only where the spool's own clock is another one.
    Event(CLOCK, "clock", details=(READING,)),
    # viztracer records calls beside this spool, by a clock of its own: READING is what that showed right before this record.
    # Several in a row, so that each record lies between two readings; at the beginning and at the end.
    Event(
        CALLS_CLOCK,
        "calls clock",
        a="at the beginning of a row why, else 0",
        b="the tid by which viztracer knows this thread",
        details=(READING,),
    ),
    # Only in an observer's spool. The two times are cumulative, as the scheduler counts them.
    Event(
        SAMPLE, "sample", a="one of STATES", b="tid", details=(PID, ON_CPU, RUN_QUEUE, SWITCHES, INVOLUNTARY, GIL_LOOKS)
    ),
    # Its frames, innermost first.
    Event(STACK, "stack", a="STACK_GIL, STACK_ACTIVE or STACK_IDLE", b="tid", details=(PID, FRAME)),
    # What a process weighs.
    Event(WEIGHT, "weight", b="pid", details=(RSS, PSS, SHARED, PEAK)),
    # Of processes that record nothing themselves, and of their threads. LATE: it was there before anybody looked.
    Event(SEEN_PROCESS, "seen process", a="name", b="pid", details=(PARENT, COMMAND)),
    # Again where its name is found out later.
    Event(SEEN_THREAD, "seen thread", a="name", b="tid", details=(PID, LATE)),
    Event(GONE, "gone", b="tid", details=(PID,)),
    # A thread found a lock taken and waits for it. Locks are numbered where they are first waited for; HOLDER and HELD_AT where
    # they are known; INHERITED in place of HOLDER where a fork left the lock taken; AWAITS: where it waits.
    Event(
        LOCK_WAIT,
        "lock wait",
        a="name of its class",
        b="serial of the lock",
        details=(HOLDER, INHERITED, HELD_AT, AWAITS, SHARED_LOCK, NAME),
    ),
    Event(LOCK_WAIT_END, "lock wait end", a="LOCK_TAKEN or LOCK_GIVEN_UP", b="serial of the lock", ends=LOCK_WAIT),
    # Written by the thread that releases a lock, right before that, and only where somebody waits for it; always where processes
    # share it.
    Event(LOCK_RELEASE, "lock release", b="serial of the lock", details=(SHARED_LOCK,)),
    # Only of locks that processes share: who waits in one cannot know who holds it in another.
    Event(LOCK_ACQUIRED, "lock acquired", a="name of its class", b="serial", details=(SHARED_LOCK, HELD_AT)),
)

# What a flight recorder carries on of what it lets go of (spool/ring.py), beside the begins of what is still open.
# What runs on one thread, innermost last; its end is the last that its thread says of it.
ON_THREAD = (THREAD_BEGIN, LOOP_BEGIN, STEP_BEGIN, CALLBACK_BEGIN, JOB_BEGIN, REMOTE_JOB_BEGIN, GC_BEGIN, LOCK_WAIT)
# What may end on another thread. Begin -> end; which of them it is: a span by the slot of its begin, others by `b`.
ACROSS_THREADS = {SPAN_BEGIN: SPAN_END, TASK_CREATED: TASK_DONE, JOB_SUBMIT: JOB_END}
ENDS_ELSEWHERE = {JOB_TOLD: JOB_SUBMIT}  # what ends them as well, on a thread where they did not run -> their begin
# What is said of them meanwhile -> their begin. Of what stands in one row the latest counts; of arguments each does.
ABOUT = {SPAN_ARGS: SPAN_BEGIN, SPAN_SUSPEND: SPAN_BEGIN, SPAN_RESUME: SPAN_BEGIN, TASK_NAME: TASK_CREATED}
LATEST_OF = ((SPAN_SUSPEND, SPAN_RESUME), (TASK_NAME,))
# What is true for ever, and what later things may refer to: of these the latest.
FOR_EVER = (PROCESS_BEGIN, PROCESS_NAME, CALLS_CLOCK)
FOR_A_WHILE = (PROCESS_SPAWN, PROCESS_FORK, PROCESS_EXIT, PROCESS_ASKED, POOL_WORKER, THREAD_START, NOTE)
LATEST_OF_ALL = (CLOCK,)  # without one nobody could tell how fast the clock runs

BY_KIND: dict[int, Event] = {event.kind: event for event in TABLE}

DETAIL_NAMES: dict[int, str] = {
    ARG_INT: "int",
    ARG_FLOAT: "float",
    ARG_TEXT: "text",
    ARG_TRUE: "true",
    ARG_FALSE: "false",
    ARG_NONE: "none",
    MORE: "more",
    NAME: "name",
    CODE: "code",
    LOOP: "loop",
    ERROR: "error",
    LATE: "late",
    EXECUTOR: "executor",
    WORK: "work",
    PARENT: "parent",
    REASON: "reason",
    SCHEDULED: "scheduled",
    READING: "reading",
    AWAITS: "awaits",
    AWAITED_TASK: "awaited task",
    AWAITED: "awaited",
    DUE: "due",
    CREATED_AT: "created at",
    PID: "pid",
    ON_CPU: "on cpu",
    RUN_QUEUE: "run queue",
    FRAME: "frame",
    HOLDER: "holder",
    HELD_AT: "held at",
    BYTES: "bytes",
    RSS: "rss",
    PSS: "pss",
    SHARED: "shared",
    SWITCHES: "switches",
    INVOLUNTARY: "involuntary",
    STATUS: "status",
    INHERITED: "inherited",
    SHARED_LOCK: "shared lock",
    WORKERS: "workers",
    INDEX: "index",
    ITEMS: "items",
    LAZY: "lazy",
    TOOK: "took",
    COMMAND: "command",
    PEAK: "peak",
    GIL_LOOKS: "gil looks",
}
