"""Batch norm."""

from keras import ops

from keras_attention import _numerics


def batch_norm(x, gamma, beta, *, axis, epsilon):
    """Return `x`, normalised over all axes but one, its mean and variance."""
    axis %= len(x.shape)
    axes = tuple(a for a in range(len(x.shape)) if a != axis)
    mean = _numerics.mean(x, axes)
    centred = x - spread(mean, x, axis)
    variance = _numerics.mean(ops.square(centred), axes)
    scale = gamma * ops.rsqrt(variance + epsilon)
    outputs = centred * spread(scale, x, axis) + spread(beta, x, axis)
    return outputs, mean, variance


def normalize(x, gamma, beta, *, mean, variance, axis, epsilon):
    """Return `x`, normalised by a mean and a variance, which are constants."""
    scale = gamma * ops.rsqrt(variance + epsilon)
    centred = x - spread(mean, x, axis)
    return centred * spread(scale, x, axis) + spread(beta, x, axis)


def spread(vector, x, axis):
    """Return a vector of values along an axis, to broadcast with `x`."""
    shape = [1] * len(x.shape)
    shape[axis] = -1
    return ops.reshape(vector, shape)
