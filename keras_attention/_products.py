"""What layers with kernels compute, with the norms that come after them."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_attention import _backend
from keras_attention._norm import BatchNorm


def convolve(conv: keras.layers.Conv2D, x: Any, kernel: Any, bias: Any = None):
    """Return what a layer makes of `x` with this kernel and bias."""
    return _backend.conv2d(
        x,
        kernel,
        bias,
        strides=conv.strides,
        padding=conv.padding,
        dilation_rate=conv.dilation_rate,
        data_format=conv.data_format,
    )


def normed(
    product: Callable, kernel: Any, bias: Any, norm: BatchNorm, training: Any
):
    """Return `norm(product(kernel, bias))`, in inference in one product.

    The product is linear in its kernel, whose last axis is that of its outputs,
    and adds a bias, which may be `None`.
    """
    kernel = ops.convert_to_tensor(kernel)
    if bias is not None:
        bias = ops.convert_to_tensor(bias)
    dtype = keras.backend.standardize_dtype(kernel.dtype)
    # In half precision a kernel times a scale might be infinite.
    if norm.follows_batch(training) or dtype not in ("float32", "float64"):
        return norm.call(product(kernel, bias), training=training)
    scale, shift = norm.scale_and_shift(dtype)
    if bias is not None:
        shift = bias * scale + shift
    return product(kernel * scale, shift)
