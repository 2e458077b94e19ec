"""Layer 5: approximate Hessians, their costs, and which one to take."""
