"""Operations on each value of a map."""

from keras import ops

from keras_attention._backend import native
from keras_attention.ops.precision import upcast


@native
def relu(x):
    """Rectified linear unit. It may overwrite `x`."""
    return ops.relu(x)


@native
def lerp(x, residual, weight):
    """Linear interpolation, `x * weight + residual * (1 - weight)`.

    In float32 at least: in float16 the difference may overflow where the result
    does not.
    """
    x32, residual, weight = map(upcast, (x, residual, weight))
    return ops.cast(residual + (x32 - residual) * weight, x.dtype)


@native
def step(x, target, share):
    """Partial step, `x + share * (target - x)`; `x` where `share` is 0.

    There `target` and `x` may be infinite or NaN, which has no effect on the
    other gradients of `share`.
    """
    x32, target, share = map(upcast, (x, target, share))
    difference = target - x32
    is_used = ops.logical_or(share != 0, ops.isfinite(difference))
    difference = ops.where(is_used, difference, 0)
    return ops.cast(x32 + share * difference, x.dtype)
