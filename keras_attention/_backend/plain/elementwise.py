"""Values of maps, one by one."""

from keras import ops


def blend(x, residual, weight):
    """Return `x * weight + residual * (1 - weight)`, with fewer products."""
    return residual + (x - residual) * weight


def rectify(x):
    """Return `x` or 0. What was in `x` may be lost."""
    return ops.relu(x)
