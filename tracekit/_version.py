"""The version of tracekit, in one place; it knows nothing else."""

__version__ = "0.1.0"
