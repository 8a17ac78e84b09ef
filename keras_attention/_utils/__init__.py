"""Validation of arguments, and the axes of data formats: pure functions."""
