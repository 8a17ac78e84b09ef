"""Convolutions that XLA is quick at."""

import jax

from keras_attention._backend.plain import products


def conv2d(x, kernel, bias, *, data_format, **settings):
    """Return a convolution. A `bias` may be `None`."""
    grouped = x.shape[-1 if data_format == "channels_last" else 1]
    grouped = grouped != kernel.shape[-2] and jax.default_backend() == "cpu"
    form = products.conv2d_of_blocks if grouped else products.conv2d
    return form(x, kernel, bias, data_format=data_format, **settings)
