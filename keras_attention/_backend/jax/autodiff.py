"""Derivatives."""

import jax


def gradient(function, x):
    """Return the gradient at `x` of a function to numbers."""
    return jax.grad(function)(x)
