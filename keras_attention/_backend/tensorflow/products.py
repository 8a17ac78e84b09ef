"""Convolutions: in groups TensorFlow has them on GPUs alone."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_attention._backend.plain import products


def conv2d(x, kernel, bias, *, data_format, **settings):
    """Return a convolution. A `bias` may be `None`.

    `keras.ops.conv` compiles one in groups by XLA on CPUs, at every call.
    """
    require_samples(x)
    grouped = x.shape[-1 if data_format == "channels_last" else 1]
    grouped = grouped != kernel.shape[-2]
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    form: Callable[..., Any] = products.conv2d
    if grouped and not on_gpu:
        # Small blocks: its convolutions are quicker at them than XLA's.
        form = functools.partial(products.conv2d_of_blocks, least=16)
    # On CPUs only float32 can be convolved with the channels first.
    if data_format == "channels_last" or on_gpu or x.dtype == tf.float32:
        return form(x, kernel, bias, data_format=data_format, **settings)
    x = tf.transpose(x, (0, 2, 3, 1))
    outputs = form(x, kernel, bias, data_format="channels_last", **settings)
    return tf.transpose(outputs, (0, 3, 1, 2))


def require_samples(x):
    """Refuse an empty batch, of which a convolution has a wrong shape."""
    if x.shape[0] == 0:
        raise ValueError(
            "A batch must have at least one sample where TensorFlow is to "
            f"convolve it. Received: x.shape={tuple(x.shape)}"
        )
