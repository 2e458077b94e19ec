"""The parts of the benchmark, and the data sets that it shares with the demo."""
