"""Bounded concurrency: fair thread pools, calls a few at a time, and the queue for the model."""
