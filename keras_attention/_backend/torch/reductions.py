"""Reductions, without the work that `keras.ops` does for each."""


def total(x, axes, keepdims=False):
    """Return the sum over `axes`."""
    return x.sum(axes, keepdims)


def mean(x, axes, keepdims=False):
    """Return the mean over `axes`."""
    return x.mean(axes, keepdims)


def largest(x, axes, keepdims=False):
    """Return the maximum over `axes`; equal ones share the gradient."""
    return x.amax(axes, keepdims)


def scale(x, gate, axes):
    """Return `x` times a gate of size 1 along `axes`."""
    return x * gate


def dots(x, y, axis):
    """Return the sum of `x * y` over `axis`, which stays."""
    return (x * y).sum(axis, True)
