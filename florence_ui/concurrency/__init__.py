"""Bounded work: thread pools shared fairly, calls a few at a time, and the queue for the model."""
