"""Layer 4: ``w <- w + eta * p``: directions, step sizes, the loop."""
