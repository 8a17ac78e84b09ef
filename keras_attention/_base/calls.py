"""How a layer calls the layers that it consists of.

A layer of Keras is called as `layer(x)` if it is the user's, or may be
quantized. Layers that this package makes itself are called by these functions,
or by `layer.call`, as a call of a Keras layer takes longer than small products
do on eager PyTorch.
"""

import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_attention._base.batch_norm import BatchNorm
from keras_attention.ops import convolution
from keras_attention.ops import precision
from keras_attention.ops import products
from keras_attention.ops import reductions


def weights(layer: keras.layers.Dense) -> tuple[Any, Any] | None:
    """Return kernel and bias, or `None` if the layer must be called.

    Keras may have quantized it. No other function looks at that.
    """
    if layer.quantization_mode:
        return None
    return layer.kernel, layer.bias


def dense(layer: keras.layers.Dense, x: Any):
    """Call a dense layer without an activation, in the dtype of `x`."""
    found = weights(layer)
    if found is None:
        return precision.cast(layer(x), x.dtype)
    kernel, bias = found
    if bias is not None:
        bias = precision.cast(bias, x.dtype)
    return products.dense(x, precision.cast(kernel, x.dtype), bias)


def precise_dense(kernel: Any, bias: Any, x: Any):
    """Compute a dense layer whose weights half precision does not cast."""
    return products.dense(x, *precision.cast_all((kernel, bias), x.dtype))


def pointwise(
    layer: keras.layers.Dense, x: Any, axis: int, *, is_biased: bool = True
):
    """Call a dense layer along axis 1 or the last axis, in the dtype of `x`.

    Args:
        layer: The layer.
        x: Vectors, or a map whose positions have one axis.
        axis: The axis of the channels.
        is_biased: Whether the outputs depend on the bias of the layer. They
            need not before a softmax over positions, which is the same for
            every bias. Then the gradient of the bias is zero, rather than
            rounding errors, which optimizers such as Adam would amplify.
    """
    found = weights(layer)
    if found is None:
        last = len(x.shape) - 1  # see `reshaping.from_channels_last`
        z = layer(ops.moveaxis(x, axis, last))
        return precision.cast(ops.moveaxis(z, last, axis), x.dtype)
    kernel, bias = found
    if not is_biased:
        bias = 0 * bias
    return _pointwise(x, kernel, bias, axis)


def pointwise_batch_norm(
    layer: keras.layers.Dense, norm: BatchNorm, x: Any, training: Any, axis: int
):
    """Compute `norm(pointwise(layer, x))`, in inference as one product."""
    found = weights(layer)
    if found is None:
        return norm.call(pointwise(layer, x, axis), training=training)

    def product(kernel, bias):
        return _pointwise(x, kernel, bias, axis)

    return conv_batch_norm(product, *found, norm, training)


def _pointwise(x, kernel, bias, axis):
    if bias is not None:
        bias = precision.cast(bias, x.dtype)
    kernel = precision.cast(kernel, x.dtype)
    return products.pointwise(x, kernel, bias, axis=axis)


def conv2d(layer: keras.layers.Conv2D, x: Any, padding: Any = None):
    """Call a convolution without an activation, in the dtype of `x`.

    `padding` replaces that of the layer.
    """
    kernel, bias = layer.kernel, layer.bias
    if bias is not None:
        bias = precision.cast(bias, x.dtype)
    return convolve(layer, x, precision.cast(kernel, x.dtype), bias, padding)


def convolve(
    layer: keras.layers.Conv2D,
    x: Any,
    kernel: Any,
    bias: Any = None,
    padding: Any = None,
):
    """Convolve `x` as a layer does, with this kernel, bias and padding."""
    return convolution.conv2d(
        x,
        kernel,
        bias,
        strides=layer.strides,
        padding=layer.padding if padding is None else padding,
        dilation_rate=layer.dilation_rate,
        data_format=layer.data_format,
    )


def conv2d_batch_norm(
    layer: keras.layers.Conv2D, norm: BatchNorm, x: Any, training: Any
):
    """Compute `norm(conv2d(layer, x))` of a layer without a bias."""
    product = functools.partial(convolve, layer, x)
    return conv_batch_norm(product, layer.kernel, None, norm, training)


def convolve_pooled(
    layer: keras.layers.Conv2D, x: Any, axis: int, *, swap: bool = False
):
    """Convolve the maximum and the mean of a map over an axis to one plane.

    Args:
        layer: The convolution, of two channels to one.
        x: The map.
        axis: The axis to pool.
        swap: Whether the two axes that are left come in the other order than
            those of the kernel.
    """
    d = [reductions.amax(x, (axis,)), reductions.upcast_mean(x, (axis,))]
    d = [precision.upcast_float16(plane) for plane in d]
    kernel = precision.cast(layer.kernel, d[0].dtype)
    if swap:  # the kernel, which is smaller
        kernel = ops.transpose(kernel, (1, 0, 2, 3))
    return convolution.conv2d_few_channels(d, kernel)


def conv_batch_norm(
    product: Callable, kernel: Any, bias: Any, norm: BatchNorm, training: Any
):
    """Compute `norm(product(kernel, bias))`, in inference as one product.

    The product is linear in its kernel, whose last axis is that of its outputs,
    and adds a bias, which may be `None`.
    """
    dtype = precision.dtype_name(kernel.dtype)
    # In half precision a kernel times a scale might be infinite.
    if norm.follows_batch(training) or dtype not in ("float32", "float64"):
        kernel = precision.cast(kernel, dtype)
        if bias is not None:
            bias = precision.cast(bias, dtype)
        return norm.call(product(kernel, bias), training=training)
    return product(*norm.folded(kernel, bias, dtype))
