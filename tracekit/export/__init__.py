"""A trace and its findings as bytes: one format a file, each with write(trace, findings, out). Judges nothing."""
