"""Compare: runs one workload under one model, in a child process that measures it. Knows no statistics and no table."""
