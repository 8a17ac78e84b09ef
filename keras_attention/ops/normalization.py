"""Normalization of maps by their mean and variance."""

from keras import ops

from keras_attention._backend import native
from keras_attention.ops.precision import cast
from keras_attention.ops.precision import cast_all
from keras_attention.ops.reductions import reduce_sum
from keras_attention.ops.reductions import reduced_size
from keras_attention.ops.reductions import upcast_mean


@native
def batch_norm(x, gamma, beta, *, axis, epsilon):
    """Normalize over all axes except one; also return mean and variance."""
    axis %= len(x.shape)
    axes = tuple(a for a in range(len(x.shape)) if a != axis)
    mean = upcast_mean(x, axes)
    centered = x - _broadcast_like(mean, x, axis)
    variance = upcast_mean(ops.square(centered), axes)
    scale = gamma * ops.rsqrt(variance + epsilon)
    outputs = centered * _broadcast_like(scale, x, axis)
    return outputs + _broadcast_like(beta, x, axis), mean, variance


@native
def normalize(x, gamma, beta, *, mean, variance, axis, epsilon):
    """Normalize by a mean and a variance, which are constants."""
    scale = gamma * ops.rsqrt(variance + epsilon)
    centered = x - _broadcast_like(mean, x, axis)
    outputs = centered * _broadcast_like(scale, x, axis)
    return outputs + _broadcast_like(beta, x, axis)


@native
def folded(kernel, bias, gamma, beta, *, mean, variance, epsilon, dtype):
    """Kernel and bias of a product followed by `normalize`, as one product.

    The last axis of the kernel is that of the outputs. The bias may be `None`.
    The arguments may be variables, which are cast to `dtype`.
    """
    kernel, gamma, beta, mean, variance = cast_all(
        (kernel, gamma, beta, mean, variance), dtype
    )
    scale = gamma * ops.rsqrt(variance + epsilon)
    shift = beta - mean * scale
    if bias is not None:
        shift = cast(bias, dtype) * scale + shift
    return kernel * scale, shift


def standardize(x, axes: tuple[int, ...], epsilon: float):
    r"""Standardize, `(x - mean) / (standard_deviation + epsilon)`.

    The standard deviation is the unbiased one, :math:`\sqrt{\sum_i (x_i - \bar
    x)^2 / (N - 1)}`. If all values are equal, or there is only one, the result
    and its gradient are zero.
    """
    centered, factor = center(x, axes, epsilon)
    return centered * factor


def center(x, axes: tuple[int, ...], epsilon):
    """Return the factors of `standardize`: centered values and scale."""
    centered = x - upcast_mean(x, axes, keepdims=True)
    variance = _unbiased_mean(ops.square(centered), axes)
    # The gradient of the square root is infinite at zero.
    deviation = ops.sqrt(variance + 1e-30)
    return centered, 1 / (deviation + epsilon)


def center_and_scale(x, axes: tuple[int, ...], epsilon: float):
    r"""Return centered values, and the scale of layer normalization.

    Their product is normalized, `(x - mean) / sqrt(variance + epsilon)`. The
    variance is the biased one.
    """
    centered = x - upcast_mean(x, axes, keepdims=True)
    variance = upcast_mean(ops.square(centered), axes, keepdims=True)
    return centered, ops.rsqrt(variance + epsilon)


@native
def squared_deviations(x, axes: tuple[int, ...]):
    """Return the mean, the squared deviations from it, and their unbiased mean.

    The last is the variance. It is 0 of one value.
    """
    mean = upcast_mean(x, axes, keepdims=True)
    squares = ops.square(x - mean)
    return mean, squares, _unbiased_mean(squares, axes)


@native
def layer_norm(x, epsilon: float):
    r"""Normalize over the last axis, `(x - mean) / sqrt(variance + epsilon)`.

    The variance is the biased one, :math:`\sum_i (x_i - \bar x)^2 / N`.
    """
    centered, scale = center_and_scale(x, (len(x.shape) - 1,), epsilon)
    return centered * scale


def _unbiased_mean(squares, axes):
    """Divide the sum by the number of values less 1, or by 1 if it is 0."""
    total = reduce_sum(squares, axes, keepdims=True)
    count = reduced_size(squares, axes)
    if isinstance(count, int):
        return total / max(count - 1, 1)
    # Sizes are unknown until run time.
    return total / ops.maximum(cast(count, total.dtype) - 1, 1)


def _broadcast_like(vector, x, axis):
    """Reshape a vector of values along an axis, to broadcast with `x`."""
    shape = [1] * len(x.shape)
    shape[axis] = -1
    return ops.reshape(vector, shape)
