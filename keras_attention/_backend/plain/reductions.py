"""Reductions of maps."""

from keras import ops


def largest(x, axes, keepdims=False):
    """Return the maximum over `axes`; equal ones share the gradient."""
    return ops.max(x, axis=axes, keepdims=keepdims)
