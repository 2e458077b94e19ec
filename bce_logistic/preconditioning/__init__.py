"""TODO preconditioning."""
