"""Convolutions in groups, which TensorFlow has on GPUs alone."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_attention._backend.plain import products


def conv2d(x, kernel, bias, *, data_format, **settings):
    """Return a convolution. A `bias` may be `None`.

    `keras.ops.conv` compiles one in groups by XLA on CPUs, at every call.
    """
    grouped = x.shape[-1 if data_format == "channels_last" else 1]
    grouped = grouped != kernel.shape[-2]
    form: Callable[..., Any] = products.conv2d
    if grouped and not tf.config.list_logical_devices("GPU"):
        form = products.conv2d_of_blocks
    return form(x, kernel, bias, data_format=data_format, **settings)
