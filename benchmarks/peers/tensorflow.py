"""TensorFlow."""

import tensorflow as tf

from benchmarks.peers.fusion_tensorflow import *  # noqa: F403


def _spatial(config):
    """Return the axes of a map that pooling removes."""
    return (1, 2) if config["data_format"] == "channels_last" else (2, 3)


def squeeze_excite(w, x, *, config, training):
    """Squeeze and excitation."""
    z = tf.reduce_mean(x, _spatial(config), keepdims=False)
    z = tf.nn.relu(tf.matmul(z, w["squeeze/kernel"]))
    gate = tf.sigmoid(tf.matmul(z, w["excite/kernel"]))
    for axis in _spatial(config):
        gate = tf.expand_dims(gate, axis)
    return x * gate
