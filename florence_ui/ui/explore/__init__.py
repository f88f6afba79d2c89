"""The Explore tab: one picture, one task, its answer."""
