"""The header: name, modes, and where it runs."""
