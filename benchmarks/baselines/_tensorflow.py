"""Helpers of the baselines in TensorFlow."""

import functools

from benchmarks.baselines import _axes


def expand_gate(gate, config):
    """Reshape vectors, one per sample, to broadcast with a map."""
    import tensorflow as tf

    for axis in _axes.spatial(config):
        gate = tf.expand_dims(gate, axis)
    return gate


def expand_vector(vector, config):
    """Reshape a vector of channels to broadcast with a map."""
    import tensorflow as tf

    if config["data_format"] == "channels_last":
        return vector
    return tf.reshape(vector, (-1, 1, 1))


def to_last(x, config):
    """Move the channels of maps to the end."""
    import tensorflow as tf

    first = config["data_format"] == "channels_first"
    return tf.transpose(x, (0, 2, 3, 1)) if first else x


def from_last(x, config):
    """Move channels from the end to their place in maps."""
    import tensorflow as tf

    first = config["data_format"] == "channels_first"
    return tf.transpose(x, (0, 3, 1, 2)) if first else x


def conv(x, kernel, config, dilation=1):
    """Convolve maps, which keep their size."""
    import tensorflow as tf

    settings = {"strides": 1, "padding": "SAME", "dilations": dilation}
    # Without oneDNN only this function has a gradient for dilated convolutions.
    plain = dilation > 1 and not _convolves_channels_first()
    convolve = tf.nn.convolution if plain else tf.nn.conv2d
    if config["data_format"] == "channels_last":
        return convolve(x, kernel, **settings)
    if _convolves_channels_first():
        return tf.nn.conv2d(x, kernel, data_format="NCHW", **settings)
    y = convolve(to_last(x, config), kernel, **settings)
    return from_last(y, config)


def grouped_conv(x, kernel, config, groups, dilation=1):
    """Convolve group by group, as one call has no gradient on CPUs."""
    import tensorflow as tf

    axis = _axes.channel(config)
    parts = tf.split(x, groups, axis), tf.split(kernel, groups, 3)
    maps = [conv(*part, config, dilation) for part in zip(*parts, strict=True)]
    return tf.concat(maps, axis)


@functools.cache
def _convolves_channels_first():
    """Return whether channels-first convolutions run on this processor."""
    import tensorflow as tf

    with tf.init_scope():
        try:
            tf.nn.conv2d(
                tf.zeros((1, 1, 1, 1)),
                tf.zeros((1, 1, 1, 1)),
                strides=1,
                padding="SAME",
                data_format="NCHW",
            )
        except tf.errors.UnimplementedError:
            return False
    return True


def norm(w, name, x, config, training, vectors=False):
    """Normalize a batch, and assign new statistics."""
    import tensorflow as tf

    mean = tf.convert_to_tensor(w[f"{name}/moving_mean"])
    variance = tf.convert_to_tensor(w[f"{name}/moving_variance"])
    if training:
        old = mean, variance
        axes = (0,) if vectors else _axes.all_but_channel(config)
        mean, variance = tf.nn.moments(x, axes)
        w[f"{name}/moving_mean"].assign(0.9 * old[0] + 0.1 * mean)
        w[f"{name}/moving_variance"].assign(0.9 * old[1] + 0.1 * variance)
    parts = mean, variance, w[f"{name}/beta"], w[f"{name}/gamma"]
    if not vectors:
        parts = [expand_vector(part, config) for part in parts]
    return tf.nn.batch_normalization(x, *parts, 1e-5)


def bilinear(x, rows, columns):
    """Sample NHWC maps at (N, P, Q) locations in pixels, zero outside."""
    import tensorflow as tf

    batch, height, width, channels = x.shape
    flat = tf.reshape(x, (batch, height * width, channels))
    top, left = tf.floor(rows), tf.floor(columns)
    t, s = rows - top, columns - left
    top, left = tf.cast(top, tf.int32), tf.cast(left, tf.int32)

    def read(row, column, weight):
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        row = tf.clip_by_value(row, 0, height - 1)
        column = tf.clip_by_value(column, 0, width - 1)
        found = tf.gather(flat, row * width + column, batch_dims=1)
        return found * (weight * tf.cast(inside, weight.dtype))[..., None]

    return (
        read(top, left, (1 - t) * (1 - s))
        + read(top, left + 1, (1 - t) * s)
        + read(top + 1, left, t * (1 - s))
        + read(top + 1, left + 1, t * s)
    )


def group_sums(value, offsets, mask, groups, kernel):
    """Weighted sums of samples of NHWC maps, at moved points of windows."""
    import tensorflow as tf

    batch, height, width, channels = value.shape
    points, depth = kernel * kernel, channels // groups
    maps = tf.reshape(value, (batch, height, width, groups, depth))
    maps = tf.transpose(maps, (0, 3, 1, 2, 4))
    maps = tf.reshape(maps, (batch * groups, height, width, depth))
    offsets = tf.reshape(offsets, (batch, height, width, groups, points, 2))
    offsets = tf.transpose(offsets, (0, 3, 1, 2, 4, 5))
    near = tf.range(kernel, dtype=value.dtype) - kernel // 2
    i, j = tf.meshgrid(near, near, indexing="ij")
    rows = tf.range(height, dtype=value.dtype)[:, None, None]
    columns = tf.range(width, dtype=value.dtype)[:, None]
    flat = (batch * groups, height, width * points)
    samples = bilinear(
        maps,
        tf.reshape(offsets[..., 1] + rows + tf.reshape(j, [-1]), flat),
        tf.reshape(offsets[..., 0] + columns + tf.reshape(i, [-1]), flat),
    )
    samples = tf.reshape(samples, (batch, groups, height, width, points, depth))
    weights = tf.reshape(mask, (batch, height, width, groups, points))
    sums = tf.einsum("bghwpc,bhwgp->bhwgc", samples, weights)
    return tf.reshape(sums, (batch, height, width, channels))
