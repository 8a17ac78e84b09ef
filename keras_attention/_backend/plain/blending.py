"""Weighted means of maps."""


def blend(x, residual, weight):
    """Return `x * weight + residual * (1 - weight)`, with fewer products."""
    return residual + (x - residual) * weight
