"""Readers of what other tools write: Chrome JSON of any origin, and collapsed stacks. They share what they count and say."""
