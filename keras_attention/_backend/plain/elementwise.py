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


def rectify(x):
    """Return `x` or 0. What was in `x` may be lost."""
    return ops.relu(x)
