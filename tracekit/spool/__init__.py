"""Bytes on disk: how records are laid out, written through a shared mapping, and read back. Knows nothing of tasks or threads."""
