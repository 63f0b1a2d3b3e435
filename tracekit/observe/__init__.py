"""Observe: looks at a running session from outside of its processes. Knows /proc and spools, and nothing of traces."""
