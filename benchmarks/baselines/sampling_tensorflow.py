"""Layers that sample maps, in TensorFlow."""

import tensorflow as tf


def _to_last(x, first):
    return tf.transpose(x, (0, 2, 3, 1)) if first else x


def _from_last(x, first):
    return tf.transpose(x, (0, 3, 1, 2)) if first else x


def _bilinear(x, rows, columns):
    """Sample NHWC maps at (N, P, Q) locations in pixels, zero outside."""
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


def spatial_transformer(w, x, *, config, training):
    """Spatial transformer with global average pooling as the localization."""
    first = config["data_format"] == "channels_first"
    x = _to_last(x, first)
    _, height, width, _ = x.shape
    theta = tf.matmul(tf.reduce_mean(x, (1, 2)), w["kernel"]) + w["bias"]
    theta = tf.reshape(theta, (-1, 2, 3))
    u = tf.linspace(-1.0, 1.0, width) if width > 1 else tf.zeros(1)
    v = tf.linspace(-1.0, 1.0, height) if height > 1 else tf.zeros(1)
    u, v = tf.meshgrid(u, v)
    locations = tf.stack([u, v, tf.ones_like(u)], -1)
    grid = tf.einsum("hwk,bck->bchw", locations, theta)
    y = _bilinear(
        x,
        (grid[:, 1] + 1) / 2 * (height - 1),
        (grid[:, 0] + 1) / 2 * (width - 1),
    )
    return _from_last(y, first)


def deformable_conv2d(w, x, *, config, training):
    """Deformable convolution: one sampler for all taps, one matrix product."""
    first = config["data_format"] == "channels_first"
    x = _to_last(x, first)
    batch, height, width, channels = x.shape
    high, wide, _, filters = w["kernel"].shape
    taps = high * wide
    maps = tf.nn.conv2d(x, w["offset_kernel"], 1, "SAME") + w["offset_bias"]
    offsets, logits = tf.split(maps, (2 * taps, taps), -1)
    offsets = tf.reshape(offsets, (batch, height, width, taps, 2))
    i, j = tf.meshgrid(
        tf.range(high, dtype=x.dtype) - high // 2,
        tf.range(wide, dtype=x.dtype) - wide // 2,
        indexing="ij",
    )
    rows = tf.range(height, dtype=x.dtype)[:, None, None] + tf.reshape(i, [-1])
    columns = tf.range(width, dtype=x.dtype)[:, None] + tf.reshape(j, [-1])
    flat = (batch, height, width * taps)
    samples = _bilinear(
        x,
        tf.reshape(offsets[..., 0] + rows, flat),
        tf.reshape(offsets[..., 1] + columns, flat),
    )
    samples = samples * tf.reshape(tf.sigmoid(logits), (*flat, 1))
    samples = tf.reshape(samples, (batch * height * width, taps * channels))
    kernel = tf.reshape(w["kernel"], (taps * channels, filters))
    y = tf.nn.bias_add(tf.matmul(samples, kernel), w["bias"])
    y = tf.reshape(y, (batch, height, width, filters))
    return _from_last(y, first)


def conv_offset2d(w, x, *, config, training):
    """Resampling by a gather of single values for each channel."""
    first = config["data_format"] == "channels_first"
    x = _to_last(x, first)
    batch, height, width, channels = x.shape
    maps = tf.nn.conv2d(x, w["offset/kernel"], 1, "SAME")
    pairs = tf.reshape(maps, (batch, height, width, channels, 2))
    y = tf.range(height, dtype=x.dtype)[:, None, None] + pairs[..., 0]
    x_ = tf.range(width, dtype=x.dtype)[:, None] + pairs[..., 1]
    y = tf.clip_by_value(y, 0.0, height - 1.0)
    x_ = tf.clip_by_value(x_, 0.0, width - 1.0)
    top, left = tf.floor(y), tf.floor(x_)
    t, s = y - top, x_ - left
    top, left = tf.cast(top, tf.int32), tf.cast(left, tf.int32)
    bottom = tf.minimum(top + 1, height - 1)
    right = tf.minimum(left + 1, width - 1)
    flat = tf.reshape(x, [-1])
    sample = tf.range(batch)[:, None, None, None] * (height * width)
    channel = tf.range(channels)

    def read(row, column):
        index = (sample + row * width + column) * channels + channel
        return tf.gather(flat, index)

    y = (1 - t) * ((1 - s) * read(top, left) + s * read(top, right)) + t * (
        (1 - s) * read(bottom, left) + s * read(bottom, right)
    )
    return _from_last(y, first)


def glimpse_sensor(w, images, locations, *, config, training):
    """Glimpse sensor by gathering, with average pooling of larger squares."""
    first = config["data_format"] == "channels_first"
    maps = _to_last(images, first)
    batch, height, width, channels = maps.shape
    flat = tf.reshape(maps, (batch, height * width, channels))
    size = config["glimpse_size"]
    x, y = tf.unstack((locations + 1) / 2, axis=1)
    glimpses = []
    for scale in range(config["num_scales"]):
        factor = config["scale_factor"] ** scale
        side = factor * size
        steps = tf.range(side) - side // 2
        rows = tf.cast(tf.floor(y * height), tf.int32)[:, None, None]
        columns = tf.cast(tf.floor(x * width), tf.int32)[:, None, None]
        rows, columns = rows + steps[:, None], columns + steps
        inside = (rows >= 0) & (rows < height)
        inside = inside & (columns >= 0) & (columns < width)
        rows = tf.clip_by_value(rows, 0, height - 1)
        columns = tf.clip_by_value(columns, 0, width - 1)
        square = tf.gather(flat, rows * width + columns, batch_dims=1)
        square = square * tf.cast(inside, square.dtype)[..., None]
        if factor > 1:
            square = tf.nn.avg_pool2d(square, factor, factor, "VALID")
        glimpses.append(_from_last(square, first))
    return tf.stack(glimpses, 1)


def glimpse_network(w, images, locations, *, config, training):
    """Glimpse network."""
    glimpses = glimpse_sensor(
        w, images, locations, config=config, training=training
    )
    if config["data_format"] == "channels_first":
        glimpses = tf.transpose(glimpses, (0, 1, 3, 4, 2))
    pixels = tf.reshape(glimpses, (glimpses.shape[0], -1))

    def dense(name, x):
        x = tf.matmul(x, w[f"{name}/kernel"])
        return tf.nn.bias_add(x, w[f"{name}/bias"])

    what = tf.nn.relu(dense("glimpse_hidden", pixels))
    where = tf.nn.relu(dense("location_hidden", locations))
    return tf.nn.relu(dense("glimpse_out", what) + dense("location_out", where))


# TensorFlow has no sampler.
SAMPLERS = {}
