"""TODO descent."""
