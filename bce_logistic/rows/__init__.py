"""Layer 2: storage of the rows, and sums over them."""
