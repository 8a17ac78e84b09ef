"""Batch norm, of one sample as of many."""

from keras_attention._backend.plain import norm


def batch_norm(x, gamma, beta, *, axis, epsilon):
    """Return `x`, normalised over all axes but one, its mean and variance.

    Over an axis of one sample and that of its places, XLA's gradient on CPUs
    takes thirty times as long as over the places alone.
    """
    if x.shape[0] != 1 or x.ndim == 2:
        return norm.batch_norm(x, gamma, beta, axis=axis, epsilon=epsilon)
    outputs, mean, variance = norm.batch_norm(
        x[0], gamma, beta, axis=axis % x.ndim - 1, epsilon=epsilon
    )
    return outputs[None], mean, variance
