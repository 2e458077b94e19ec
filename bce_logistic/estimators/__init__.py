"""Layer 7: the scikit-learn interface: parameters, fitted attributes, prediction."""
