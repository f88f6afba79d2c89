"""From a request to its analysis: one call, many pictures, chains, and follow-ups about objects."""
