"""Named endpoints for programs and agents."""
