"""Layer 2: where rows live, and how a sum over them is taken."""
