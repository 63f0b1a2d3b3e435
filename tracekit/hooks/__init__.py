"""Hooks: one source of runtime events a file. They know the recorder and what they hook, and nothing of traces.

A hook is an object with `install()` and `remove()`. Where it can, it replaces *leaves*: small functions that the runtime
calls at the right moment and that return at once. So no frame of tracekit stands in the program's stacks and tracebacks.
"""
