"""Benchmarks: speed, quality metrics, and a comparison with the textbook method."""
