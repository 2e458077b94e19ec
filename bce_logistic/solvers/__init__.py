"""Layer 6: the pieces of a solver, when it stops, and the function that runs one."""
