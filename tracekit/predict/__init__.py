"""Prediction: from one trace, what the same work would take under other models. Runs nothing of it, and shows nothing."""
