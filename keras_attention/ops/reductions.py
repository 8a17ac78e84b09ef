"""Reductions of maps, and products of maps with reduced maps."""

import math

from keras import ops

from keras_attention._backend import native
from keras_attention.ops import reshaping
from keras_attention.ops.precision import cast
from keras_attention.ops.precision import upcast


@native
def reduce_sum(x, axes, keepdims=False):
    """Sum over `axes`, in the dtype of `x`."""
    return ops.sum(x, axis=axes, keepdims=keepdims)


@native
def mean(x, axes, keepdims=False):
    """Mean over `axes`, in the dtype of `x`.

    `keras.ops.mean` would narrow float64 to float32 on JAX.
    """
    count = cast(reduced_size(x, axes), x.dtype)
    return reduce_sum(x, axes, keepdims) / count


def upcast_mean(x, axes: tuple[int, ...], keepdims: bool = False):
    """Mean over `axes`, summed in float32 or float64, in the dtype of `x`."""
    return cast(mean(upcast(x), axes, keepdims), x.dtype)


@native
def amax(x, axes, keepdims=False):
    """Maximum over `axes`. Equal maxima share the gradient."""
    return ops.max(x, axis=axes, keepdims=keepdims)


@native
def l2_norm(x, axes):
    """Root of the sum of squares over `axes`, in float32 or float64.

    Its gradient is 0 where all values are zero.
    """
    # The gradient of the square root is infinite at zero.
    return ops.sqrt(reduce_sum(ops.square(upcast(x)), axes) + 1e-30)


@native
def group_dot(x, y, axis):
    """Sum of `x * y` over `axis`, which is kept with size 1; `y` broadcasts.

    With one vector per sample the sum is computed as a product of matrices,
    without a map of products.
    """
    if len(x.shape) == 3 and y.shape[3 - axis] == 1 and x.dtype == y.dtype:
        if axis == 2:
            return ops.matmul(x, y[:, 0, :, None])
        return ops.matmul(y[:, None, :, 0], x)
    return ops.sum(x * y, axis=axis, keepdims=True)


@native
def softmax(x, axis):
    """Softmax over an axis, which may have size 1."""
    # `keras.ops.softmax` warns of that.
    maximum = ops.stop_gradient(amax(x, (axis,), keepdims=True))
    exponentials = ops.exp(x - maximum)
    return exponentials / reduce_sum(exponentials, (axis,), keepdims=True)


@native
def scale(x, gate, axes):
    """Product of a map and a gate that has size 1 along `axes`."""
    return x * gate


@native
def scale_and_shift(x, gate, shift, axes):
    """Scale a map, and add a value of each channel, of size 1 along `axes`."""
    return scale(x, gate, axes) + shift


def reduced_size(x, axes: tuple[int, ...]):
    """Number of values along `axes`, an integer tensor for unknown sizes."""
    sizes = reshaping.shape(x)
    # Of a list: `torch.compile` takes no generator.
    return math.prod([sizes[axis] for axis in axes])
