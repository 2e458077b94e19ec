"""Layer 3: the loss and the penalty, summed over rows, and their derivatives."""
