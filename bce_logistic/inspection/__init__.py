"""Layer 8: tables, plots and checks of a fitted model and its data."""
