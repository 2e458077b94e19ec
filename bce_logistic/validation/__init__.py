"""Layer 1: refuse unusable features, labels and weights, before any work."""
