"""Fusion layers and residual attention in TensorFlow."""

import functools

import tensorflow as tf


def selective_kernel(w, x, *, config, training):
    """Selective kernel convolution."""
    maps = []
    for path in ("path_0", "path_1"):
        u = _grouped(x, w[f"{path}/conv/kernel"], config, 1 + len(maps))
        u = u + _broadcast(w[f"{path}/bias"], config)
        u = _norm(w, f"{path}/norm", u, config, training)
        maps.append(tf.nn.relu(u))
    z = tf.reduce_mean(maps[0] + maps[1], _axes(config)[1:])
    z = tf.matmul(z, w["squeeze/kernel"]) + w["squeeze/bias"]
    z = _norm(w, "squeeze_norm", z, config, training, vectors=True)
    z = tf.matmul(tf.nn.relu(z), w["select/kernel"]) + w["select/bias"]
    gates = tf.nn.softmax(tf.reshape(z, (-1, 2, config["filters"])), axis=1)
    if config["data_format"] == "channels_last":
        gates = gates[:, :, None, None, :]
    else:
        gates = gates[:, :, :, None, None]
    return maps[0] * gates[:, 0] + maps[1] * gates[:, 1]


def multi_scale_channel_attention(w, x, *, config, training):
    """Multi-scale channel attention."""
    return x * _weights(w, "", x, config, training)


def attentional_feature_fusion(w, x, residual, *, config, training):
    """Attentional feature fusion."""
    weights = _weights(w, "", x + residual, config, training)
    return 2 * (residual + (x - residual) * weights)


def iterative_attentional_feature_fusion(w, x, residual, *, config, training):
    """Iterative attentional feature fusion."""
    weights = _weights(w, "", x + residual, config, training)
    fused = residual + (x - residual) * weights
    weights = _weights(w, "second_", fused, config, training)
    return residual + (x - residual) * weights


def _weights(w, prefix, x, config, training):
    narrow = _context(w, f"{prefix}local_context", x, config, training)
    wide = tf.reduce_mean(x, _axes(config)[1:], keepdims=True)
    wide = _context(w, f"{prefix}global_context", wide, config, training)
    return tf.sigmoid(narrow + wide)


def _context(w, name, x, config, training):
    for part in ("reduce", "expand"):
        x = tf.nn.relu(x) if part == "expand" else x
        kernel = tf.convert_to_tensor(w[f"{name}/{part}/kernel"])
        x = _conv(x, kernel[None, None], config)
        x = x + _broadcast(w[f"{name}/{part}/bias"], config)
        x = _norm(w, f"{name}/{part}_norm", x, config, training)
    return x


def residual_attention(w, x, *, config, training):
    """Residual attention module."""
    x = _unit(w, "before_1", x, config, training)
    trunk = _unit(w, "trunk_1", x, config, training)
    trunk = _unit(w, "trunk_2", trunk, config, training)
    mask = _hourglass(w, "hourglass", x, config["depth"], config, training)
    mask = tf.sigmoid(_convs(w, "head", mask, 2, config, training))
    return _unit(w, "after_1", trunk * (1 + mask), config, training)


def _hourglass(w, name, x, depth, config, training):
    # TensorFlow pools and resizes only channels-last maps on CPUs.
    last = config["data_format"] == "channels_last"
    z = x if last else tf.transpose(x, (0, 2, 3, 1))
    size = z.shape[1:3]
    z = tf.nn.max_pool2d(z, 3, 2, "SAME")
    z = z if last else tf.transpose(z, (0, 3, 1, 2))
    z = _unit(w, f"{name}/down_1", z, config, training)
    if depth > 1:
        skip = _unit(w, f"{name}/skip", z, config, training)
        inner = f"{name}/inner"
        z = skip + _hourglass(w, inner, z, depth - 1, config, training)
    z = _unit(w, f"{name}/up_1", z, config, training)
    z = z if last else tf.transpose(z, (0, 2, 3, 1))
    z = tf.image.resize(z, size)
    return z if last else tf.transpose(z, (0, 3, 1, 2))


def _unit(w, name, x, config, training):
    return x + _convs(w, name, x, 3, config, training)


def _convs(w, name, x, count, config, training):
    for i in range(1, count + 1):
        x = _norm(w, f"{name}/norm_{i}", x, config, training)
        x = _conv(tf.nn.relu(x), w[f"{name}/conv_{i}/kernel"], config)
    return x


def _conv(x, kernel, config, dilation=1):
    settings = {"strides": 1, "padding": "SAME", "dilations": dilation}
    # Without oneDNN only this function has a gradient for dilated convolutions.
    plain = dilation > 1 and not _convolves_channels_first()
    convolve = tf.nn.convolution if plain else tf.nn.conv2d
    if config["data_format"] == "channels_last":
        return convolve(x, kernel, **settings)
    if _convolves_channels_first():
        return tf.nn.conv2d(x, kernel, data_format="NCHW", **settings)
    y = convolve(tf.transpose(x, (0, 2, 3, 1)), kernel, **settings)
    return tf.transpose(y, (0, 3, 1, 2))


@functools.cache
def _convolves_channels_first():
    """Return whether channels-first convolutions run on this processor."""
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


def _grouped(x, kernel, config, dilation):
    """Convolve group by group, as one call has no gradient on CPUs."""
    axis = 3 if config["data_format"] == "channels_last" else 1
    groups = config["groups"]
    parts = tf.split(x, groups, axis), tf.split(kernel, groups, 3)
    return tf.concat(
        [_conv(*part, config, dilation) for part in zip(*parts, strict=True)],
        axis,
    )


def _norm(w, name, x, config, training, vectors=False):
    mean = tf.convert_to_tensor(w[f"{name}/moving_mean"])
    variance = tf.convert_to_tensor(w[f"{name}/moving_variance"])
    if training:
        old = mean, variance
        mean, variance = tf.nn.moments(x, (0,) if vectors else _axes(config))
        w[f"{name}/moving_mean"].assign(0.9 * old[0] + 0.1 * mean)
        w[f"{name}/moving_variance"].assign(0.9 * old[1] + 0.1 * variance)
    parts = mean, variance, w[f"{name}/beta"], w[f"{name}/gamma"]
    if not vectors:
        parts = [_broadcast(part, config) for part in parts]
    return tf.nn.batch_normalization(x, *parts, 1e-5)


def _axes(config):
    """Return all axes of a map except the channel axis."""
    last = config["data_format"] == "channels_last"
    return (0, 1, 2) if last else (0, 2, 3)


def _broadcast(vector, config):
    """Reshape a vector of channels to broadcast with a map."""
    if config["data_format"] == "channels_last":
        return vector
    return tf.reshape(vector, (-1, 1, 1))
