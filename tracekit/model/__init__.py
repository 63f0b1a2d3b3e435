"""What a trace means: processes, threads, tasks, and columns of slices, instants, counters and flows. Knows no file format."""
