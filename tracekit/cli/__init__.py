"""The command line: one command a file. Everybody may be imported here, and nobody imports it."""
