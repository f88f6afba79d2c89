"""Bounded work: thread pools shared fairly, calls a few at a time, and queues for the model."""
