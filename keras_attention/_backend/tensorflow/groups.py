"""Products of groups of few channels, whose sums are sums of slices."""

import tensorflow as tf

from keras_attention._backend.plain import reductions
from keras_attention._backend.tensorflow.compiler import is_xla_on_cpu
from keras_attention._backend.tensorflow.reductions import scale_as_one

# More numbers than these are summed quickly as they are.
_FEW = 16


def dots(x, y, axis):
    """Return the sum of `x * y` over `axis`, which stays."""
    if _are_few(x, (axis,)):
        return _dots(x, y)
    return reductions.dots(x, y, axis)


def scale(x, gate, axes):
    """Return `x` times a gate of size 1 along `axes`."""
    if _are_few(x, axes):
        return _scale(x, gate)
    return scale_as_one(x, gate, axes)


def _are_few(x, axes):
    last = axes == (x.shape.rank - 1,)
    return last and x.shape[-1] <= _FEW and is_xla_on_cpu()


def _of_slices(x, y):
    """Return the sum of `x * y` over the last axis, from wide sums."""
    wide = tf.float64 if x.dtype == tf.float64 else tf.float32
    members = range(x.shape[-1])
    products = [
        tf.cast(x[..., i : i + 1], wide) * tf.cast(y[..., i : i + 1], wide)
        for i in members
    ]
    return tf.cast(tf.add_n(products), x.dtype)


@tf.custom_gradient
def _dots(x, y):
    def slopes(of_dots):
        axes = [axis for axis, size in enumerate(y.shape) if size == 1]
        of_y = tf.reduce_sum(of_dots * x, axes, keepdims=True)
        return of_dots * y, of_y

    return _of_slices(x, y), slopes


@tf.custom_gradient
def _scale(x, gate):
    def slopes(of_products):
        return of_products * gate, _of_slices(of_products, x)

    return x * gate, slopes
