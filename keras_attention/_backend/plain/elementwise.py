"""Values of maps, one by one."""

from keras import ops

from keras_attention import _numerics


def blend(x, residual, weight):
    """Return `x * weight + residual * (1 - weight)`, with fewer products.

    In float32 at least: in float16 the difference may overflow where the result
    does not.
    """
    x32, residual, weight = map(_numerics.accumulable, (x, residual, weight))
    return ops.cast(residual + (x32 - residual) * weight, x.dtype)


def step(x, target, share):
    """Return `x + share * (target - x)`, and `x` itself where `share` is 0.

    There `target` and `x` may be infinite or NaN, which has no effect on the
    other gradients of `share`.
    """
    x32, target, share = map(_numerics.accumulable, (x, target, share))
    difference = target - x32
    kept = ops.logical_or(share != 0, ops.isfinite(difference))
    difference = ops.where(kept, difference, 0)
    return ops.cast(x32 + share * difference, x.dtype)


def rectify(x):
    """Return `x` or 0. What was in `x` may be lost."""
    return ops.relu(x)
