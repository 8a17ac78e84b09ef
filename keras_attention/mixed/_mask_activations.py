"""What bounds the mask of residual attention: the paper's f1 to f3, tanh."""

from collections.abc import Callable

from keras import ops

from keras_attention import _axes
from keras_attention import _backend
from keras_attention import _numerics


def mixed(z, data_format: str):
    """Return the sigmoid of each value."""
    return ops.sigmoid(z)


def channel(z, data_format: str):
    """Return `z` with a Euclidean norm of 1 over channels, or 0 where it is."""
    wide = _numerics.accumulable(z)
    energy = ops.sum(
        ops.square(wide),
        axis=_axes.channel_axis(data_format, 4),
        keepdims=True,
    )
    # The slope of the root is infinite at zero: take it elsewhere.
    norm = ops.sqrt(ops.where(energy > 0, energy, 1))
    return _backend.cast(wide / norm, z.dtype)


def spatial(z, data_format: str):
    """Return the sigmoid of each map brought to mean 0 and deviation 1."""
    t = _numerics.standardize(
        _numerics.accumulable(z),
        _axes.spatial_axes(data_format, 4),
        epsilon=1e-5,
    )
    return _backend.cast(ops.sigmoid(t), z.dtype)


def tanh(z, data_format: str):
    """Return the hyperbolic tangent of each value."""
    # By a sigmoid, as `ops.tanh` turns float64 into float32 on JAX, and wide,
    # as the difference would leave few digits in float16.
    t = 2 * ops.sigmoid(2 * _numerics.accumulable(z)) - 1
    return _backend.cast(t, z.dtype)


MASK_ACTIVATIONS: dict[str, Callable] = {
    "mixed": mixed,
    "channel": channel,
    "spatial": spatial,
    "tanh": tanh,
}
