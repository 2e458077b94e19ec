"""The race of sparse models: an L1 penalty, against other packages."""
