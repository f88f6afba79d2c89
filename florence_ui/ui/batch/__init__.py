"""The Many pictures tab."""
