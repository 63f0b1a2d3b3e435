"""Workloads run in turn, measured and compared: what is outside of the measured processes. Prints nothing and writes no file."""
