"""Data sets shared by the demo and the benchmarks."""
