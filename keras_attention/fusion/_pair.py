"""Pairs of maps of the same shape: a branch and a residual."""

from keras_attention.ops import precision


def common_shape(x_shape, residual_shape) -> tuple[int | None, ...]:
    """Return the shape of two maps, or raise an error if they differ."""
    x_shape, residual_shape = tuple(x_shape), tuple(residual_shape)
    equal = len(x_shape) == len(residual_shape) and all(
        a == b or a is None or b is None
        for a, b in zip(x_shape, residual_shape, strict=True)
    )
    if not equal:
        raise ValueError(
            "`x` and `residual` must have the same shape. "
            f"Received: x_shape={x_shape}, residual_shape={residual_shape}"
        )
    return x_shape


def add(x, residual):
    """Return the sum of two maps, which may be infinite in float16."""
    return precision.upcast_float16(x) + precision.upcast_float16(residual)
