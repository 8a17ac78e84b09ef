"""Convolutions, which on CPUs TensorFlow has for few layouts and groups."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras import ops

from keras_attention._backend.plain import products
from keras_attention._backend.tensorflow.compiler import is_xla_on_cpu


def conv2d(x, kernel, bias, *, data_format, **settings):
    """Return a convolution. A `bias` may be `None`.

    On a CPU TensorFlow convolves channels-first maps only through oneDNN, which
    many processors lack, and only in some dtypes. So on a CPU they are
    convolved with the channels last, whether or not there is oneDNN: a graph
    that one machine has traced then runs on another.

    `keras.ops.conv` compiles a convolution in groups by XLA on CPUs, at every
    call.
    """
    require_samples(x)
    first = data_format == "channels_first"
    grouped = x.shape[1 if first else -1] != kernel.shape[-2]
    on_gpu = runs_on_gpu(x)
    form: Callable[..., Any] = products.conv2d
    if grouped and not on_gpu:
        # Small blocks: its convolutions are quicker at them than XLA's.
        form = functools.partial(products.conv2d_of_blocks, least=16)
    if on_gpu or not first:
        return form(x, kernel, bias, data_format=data_format, **settings)
    if kernel.shape[:2] == (1, 1) and not grouped and not is_xla_on_cpu():
        return _pointwise(x, kernel, bias, settings["strides"])
    x = tf.transpose(x, (0, 2, 3, 1))
    outputs = form(x, kernel, bias, data_format="channels_last", **settings)
    return tf.transpose(outputs, (0, 3, 1, 2))


def runs_on_gpu(x):
    """Return whether what is computed from `x` runs on a GPU.

    Not if `x` lies on a CPU, where a device scope on a machine with GPUs may
    have put it.
    """
    if not tf.config.list_logical_devices("GPU"):
        return False
    # Of a symbolic tensor the device may be unknown: ''.
    return "CPU" not in (getattr(x, "device", None) or "")


def _pointwise(x, kernel, bias, strides):
    """Return a convolution of size 1 of a channels-first map.

    As a product of matrices, which needs no other order of the axes: it takes
    half as long as with the channels last, and as long as by oneDNN.
    """
    by_rows, by_columns = (
        (strides, strides) if isinstance(strides, int) else strides
    )
    if (by_rows, by_columns) != (1, 1):
        x = x[:, :, ::by_rows, ::by_columns]
    batch, channels, height, width = ops.shape(x)
    columns = tf.reshape(x, (batch, channels, height * width))
    outputs = tf.matmul(kernel[0, 0], columns, transpose_a=True)
    if bias is not None:
        outputs = outputs + bias[:, None]
    return tf.reshape(outputs, (batch, kernel.shape[-1], height, width))


def require_samples(x):
    """Refuse an empty batch, of which a convolution has a wrong shape."""
    if x.shape[0] == 0:
        raise ValueError(
            "A batch must have at least one sample where TensorFlow is to "
            f"convolve it. Received: x.shape={tuple(x.shape)}"
        )
