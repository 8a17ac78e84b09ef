"""What Keras' layers with kernels compute, with kernels that are given."""

from typing import Any

import keras
from keras import ops

from keras_attention import _backend


def dense(layer: keras.layers.Dense, x: Any, kernel: Any, bias: Any, axis: int):
    return _backend.pointwise(x, kernel, bias, axis=axis)


def convolve(layer: keras.layers.Conv2D, x: Any, kernel: Any, bias: Any = None):
    """Return what a layer makes of `x` with this kernel and bias."""
    return _backend.conv2d(
        x,
        ops.convert_to_tensor(kernel),
        bias if bias is None else ops.convert_to_tensor(bias),
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
        data_format=layer.data_format,
    )
