"""Lock words: what the waits for locks in a trace are called, and how they ended. Knows the words, and no trace.

Who lays waits into a trace writes them, and whoever reads one back finds them there.
"""

TAKEN, GIVEN_UP, UNFINISHED = "taken", "given up", "unfinished"  # the argument "outcome"
IDLE = "idle worker"  # in place of what was called: a worker without work
