"""From a request to its analysis: single calls, many pictures, chains, and follow-ups about objects."""
