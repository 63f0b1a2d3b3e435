"""The folder that a session puts on PYTHONPATH; what matters is its sitecustomize.py. Nothing imports this file."""
