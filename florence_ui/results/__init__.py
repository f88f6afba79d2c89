"""A model's answer as text and detections, and what can be done with it without asking again."""
