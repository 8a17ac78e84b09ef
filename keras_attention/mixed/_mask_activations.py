"""What bounds the mask of residual attention: the paper's f1 to f3, tanh."""

from collections.abc import Callable

from keras import ops

from keras_attention._utils import data_formats
from keras_attention.ops import normalization
from keras_attention.ops import precision


def mixed(z, data_format: str):
    """Return the sigmoid of each value."""
    return ops.sigmoid(z)


def channel(z, data_format: str):
    """Return `z` with a Euclidean norm of 1 over channels, or 0 where it is."""
    z32 = precision.upcast(z)
    energy = ops.sum(
        ops.square(z32),
        axis=data_formats.channel_axis(data_format, 4),
        keepdims=True,
    )
    # The gradient of the root is infinite at zero: take it elsewhere.
    norm = ops.sqrt(ops.where(energy > 0, energy, 1))
    return precision.cast(z32 / norm, z.dtype)


def spatial(z, data_format: str):
    """Return the sigmoid of each map brought to mean 0 and deviation 1."""
    t = normalization.standardize(
        precision.upcast(z),
        data_formats.spatial_axes(data_format, 4),
        epsilon=1e-5,
    )
    return precision.cast(ops.sigmoid(t), z.dtype)


def tanh(z, data_format: str):
    """Return the hyperbolic tangent of each value."""
    # By a sigmoid, as `ops.tanh` turns float64 into float32 on JAX, and in
    # float32, as the difference would leave few digits in float16.
    t = 2 * ops.sigmoid(2 * precision.upcast(z)) - 1
    return precision.cast(t, z.dtype)


MASK_ACTIVATIONS: dict[str, Callable] = {
    "mixed": mixed,
    "channel": channel,
    "spatial": spatial,
    "tanh": tanh,
}
