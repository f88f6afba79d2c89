"""What one visitor may do, what is remembered for them, and the one way in which a question reaches the model."""
