"""Results drawn on their pictures by supervision's annotators."""
