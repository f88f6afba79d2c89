"""A model's answer as text and detections, and everything that can be done with it without asking again."""
