"""Layer 5: approximate Hessians, what they cost, and which one to take."""
