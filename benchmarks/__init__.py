"""Benchmarks of the layers against hand-written code of each backend."""
