"""Channel and spatial attention in TensorFlow."""

import tensorflow as tf


def _spatial(config):
    """Return the spatial axes of a map."""
    return (1, 2) if config["data_format"] == "channels_last" else (2, 3)


def _channel(config):
    """Return the axis of channels."""
    return 3 if config["data_format"] == "channels_last" else 1


def _broadcast(gate, config):
    """Reshape a vector of channels to broadcast with a map."""
    for axis in _spatial(config):
        gate = tf.expand_dims(gate, axis)
    return gate


def squeeze_excite(w, x, *, config, training):
    """Squeeze and excitation."""
    z = tf.reduce_mean(x, _spatial(config))
    z = tf.nn.relu(tf.matmul(z, w["squeeze/kernel"]))
    gate = tf.sigmoid(tf.matmul(z, w["excite/kernel"]))
    return x * _broadcast(gate, config)


def gated_channel_transform(w, x, *, config, training):
    """Gated channel transformation, mode L2."""
    epsilon = config["epsilon"]
    energy = tf.reduce_sum(tf.square(x), _spatial(config))
    s = w["alpha"] * tf.sqrt(energy + epsilon)
    mean = tf.reduce_mean(tf.square(s), 1, keepdims=True)
    gate = w["gamma"] * s * tf.math.rsqrt(mean + epsilon) + w["beta"]
    return x * _broadcast(1 + tf.tanh(gate), config)


def _channel_gate(w, x, config, prefix=""):
    def mlp(z):
        z = tf.matmul(z, w[prefix + "squeeze/kernel"])
        z = tf.nn.relu(tf.nn.bias_add(z, w[prefix + "squeeze/bias"]))
        z = tf.matmul(z, w[prefix + "excite/kernel"])
        return tf.nn.bias_add(z, w[prefix + "excite/bias"])

    axes = _spatial(config)
    mean, largest = tf.reduce_mean(x, axes), tf.reduce_max(x, axes)
    gate = mlp(mean) + mlp(largest)
    return _broadcast(tf.sigmoid(gate), config)


def _spatial_gate(w, x, config, prefix=""):
    axis = _channel(config)
    d = [tf.reduce_max(x, axis), tf.reduce_mean(x, axis)]
    # On CPUs TensorFlow convolves channels-last maps only.
    scores = tf.nn.conv2d(
        tf.stack(d, axis=3), w[prefix + "conv/kernel"], 1, "SAME"
    )
    gate = tf.sigmoid(tf.nn.bias_add(scores, w[prefix + "conv/bias"]))
    return gate if axis == 3 else tf.expand_dims(gate[..., 0], 1)


def channel_attention(w, x, *, config, training):
    """Channel attention of CBAM."""
    return x * _channel_gate(w, x, config)


def spatial_attention(w, x, *, config, training):
    """Spatial attention of CBAM."""
    return x * _spatial_gate(w, x, config)


def cbam(w, x, *, config, training):
    """CBAM with both gates computed from the input."""
    channel = _channel_gate(w, x, config, "channel/")
    spatial = _spatial_gate(w, x, config, "spatial/")
    return x * channel * spatial


def spatial_group_enhance(w, x, *, config, training):
    """Spatial group-wise enhance."""
    size, groups = x.shape, config["groups"]
    if config["data_format"] == "channels_last":
        x = tf.reshape(x, (size[0], size[1] * size[2], groups, -1))
        members, places = 3, 1
        gamma, beta = w["gamma"][:, None], w["beta"][:, None]
    else:
        x = tf.reshape(x, (size[0], groups, -1, size[2] * size[3]))
        members, places = 2, 3
        gamma, beta = w["gamma"][:, None, None], w["beta"][:, None, None]
    mean = tf.reduce_mean(x, places, keepdims=True)
    t = tf.reduce_sum(x * mean, members, keepdims=True)
    t = t - tf.reduce_mean(t, places, keepdims=True)
    squares = tf.reduce_sum(tf.square(t), places, keepdims=True)
    variance = squares / max(t.shape[places] - 1, 1)
    t = t / (tf.sqrt(tf.maximum(variance, 1e-30)) + config["epsilon"])
    return tf.reshape(x * tf.sigmoid(gamma * t + beta), size)
