"""PyTorch's own batch norm, which reads and writes a map fewer times."""

import torch


def batch_norm(x, gamma, beta, *, axis, epsilon):
    """Return `x`, normalised over all axes but one, its mean and variance.

    The plain form takes two to four times as long.
    """
    outputs, mean, scale = torch.native_batch_norm(
        _channels_second(x, axis), gamma, beta, None, None, True, 0.0, epsilon
    )
    with torch.no_grad():
        variance = (scale.pow(-2) - epsilon).clamp_(min=0)
    return _channels_back(outputs, x, axis), mean.detach(), variance


def normalize(x, gamma, beta, *, mean, variance, axis, epsilon):
    """Return `x`, normalised by a mean and a variance, which are constants."""
    outputs = torch.nn.functional.batch_norm(
        _channels_second(x, axis), mean, variance, gamma, beta, eps=epsilon
    )
    return _channels_back(outputs, x, axis)


def _channels_second(x, axis):
    """Return a view of `x` that has an axis second."""
    if axis % x.ndim == x.ndim - 1:
        return x.reshape(-1, x.shape[-1])
    return x.movedim(axis, 1)


def _channels_back(outputs, x, axis):
    """Return what became of a view of `x` as `x` is."""
    if axis % x.ndim == x.ndim - 1:
        return outputs.reshape(x.shape)
    return outputs.movedim(1, axis)
