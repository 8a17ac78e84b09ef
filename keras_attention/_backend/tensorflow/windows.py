"""Sums over windows: of shifted planes where XLA makes them one loop."""

import tensorflow as tf
from keras import ops

from keras_attention._backend.plain import windows
from keras_attention._backend.tensorflow.compiler import is_xla_on_cpu
from keras_attention._backend.tensorflow.products import require_samples

# Larger windows take XLA long to compile.
_LARGEST = 9


def window_sums(planes, kernel):
    """Convolve planes (B, H, W) to one of their size."""
    require_samples(planes[0])
    kernel = tf.convert_to_tensor(kernel)
    if not is_xla_on_cpu() or kernel.shape[0] > _LARGEST:
        return windows.window_sums(planes, kernel)
    wide = tf.float64 if kernel.dtype == tf.float64 else tf.float32
    sums = [
        _correlate(tf.cast(plane, wide), tf.cast(kernel[:, :, i, 0], wide))
        for i, plane in enumerate(planes)
    ]
    return tf.cast(tf.add_n(sums), kernel.dtype)


@tf.custom_gradient
def _correlate(plane, weights):
    """Return the sum of a plane's shifts, each times its weight."""
    size = weights.shape[0]
    before, after = (size - 1) // 2, size // 2

    def slopes(of_sums):
        turned = weights[::-1, ::-1]
        of_plane = _shifted_sums(_padded(of_sums, after, before), turned)
        # A convolution whose channels are the samples, whose window is a map.
        of_weights = tf.nn.conv2d(
            tf.transpose(_padded(plane, before, after), (1, 2, 0))[None],
            tf.transpose(of_sums, (1, 2, 0))[..., None],
            1,
            "VALID",
        )
        return of_plane, of_weights[0, :, :, 0]

    return _shifted_sums(_padded(plane, before, after), weights), slopes


def _shifted_sums(padded, weights):
    size = weights.shape[0]
    _, height, width = ops.shape(padded)
    height, width = height - size + 1, width - size + 1
    return tf.add_n(
        [
            padded[:, i : i + height, j : j + width] * weights[i, j]
            for i in range(size)
            for j in range(size)
        ]
    )


def _padded(plane, before, after):
    return tf.pad(plane, ((0, 0), (before, after), (before, after)))
