"""Mask activations of residual attention: the paper's f1 to f3, and tanh."""

from collections.abc import Callable

from keras import ops

from keras_attention._utils import data_formats
from keras_attention.ops import elementwise
from keras_attention.ops import normalization
from keras_attention.ops import precision


def mixed(z, data_format: str):
    """Return the sigmoid of each value."""
    return elementwise.sigmoid(z)


def channel(z, data_format: str):
    """Normalize `z` to a Euclidean norm of 1 over channels; zero stays zero."""
    z32 = precision.upcast(z)
    energy = ops.sum(
        ops.square(z32),
        axis=data_formats.channel_axis(data_format, 4),
        keepdims=True,
    )
    # The square root has an infinite gradient at zero.
    norm = ops.sqrt(ops.where(energy > 0, energy, 1))
    return precision.cast(z32 / norm, z.dtype)


def spatial(z, data_format: str):
    """Return the sigmoid of each map, standardized over its positions."""
    t = normalization.standardize(
        precision.upcast(z),
        data_formats.spatial_axes(data_format, 4),
        epsilon=1e-5,
    )
    return precision.cast(elementwise.sigmoid(t), z.dtype)


def tanh(z, data_format: str):
    """Return the hyperbolic tangent of each value."""
    # Computed by a sigmoid, because `ops.tanh` casts float64 to float32 on JAX,
    # and in float32, because the difference loses most digits of float16.
    t = 2 * elementwise.sigmoid(2 * precision.upcast(z)) - 1
    return precision.cast(t, z.dtype)


MASK_ACTIVATIONS: dict[str, Callable] = {
    "mixed": mixed,
    "channel": channel,
    "spatial": spatial,
    "tanh": tanh,
}
