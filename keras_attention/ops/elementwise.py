"""Elementwise operations on maps."""

import math

from keras import ops

from keras_attention._backend import native
from keras_attention.ops.precision import upcast


@native
def relu(x):
    """Rectified linear unit. It may overwrite `x`."""
    return ops.relu(x)


@native
def sigmoid(x):
    """Logistic sigmoid, `1 / (1 + exp(-x))`."""
    return ops.sigmoid(x)


@native
def gelu(x):
    """Gaussian error linear unit, `x * (1 + erf(x / sqrt(2))) / 2`.

    TensorFlow's has the root in float32 for any `x`.
    """
    return 0.5 * x * (1 + ops.erf(x / math.sqrt(2)))


@native
def activate(function, x):
    """Apply an activation function, with derivatives of any order."""
    return function(x)


@native
def lerp(x, residual, weight):
    """Linear interpolation, `x * weight + residual * (1 - weight)`.

    Computed in float32 or float64: in float16 the difference may overflow even
    if the result does not.
    """
    x32, residual, weight = map(upcast, (x, residual, weight))
    return ops.cast(residual + (x32 - residual) * weight, x.dtype)


@native
def step(x, target, share):
    """Partial step, `x + share * (target - x)`; `x` where `share` is 0.

    Where `share` is 0, infinite or NaN values of `target` and `x` have no
    effect on the gradient of other values of `share`.
    """
    x32, target, share = map(upcast, (x, target, share))
    difference = target - x32
    is_used = ops.logical_or(share != 0, ops.isfinite(difference))
    difference = ops.where(is_used, difference, 0)
    return ops.cast(x32 + share * difference, x.dtype)
