"""Visitors' quotas, sessions and jobs, and the only path by which a question reaches the model."""
