"""Other people's recorders, started and stopped with ours. Knows the recorder, and nothing of what a trace makes of them."""
