"""TensorFlow."""

import tensorflow as tf

from benchmarks.peers.sampling_tensorflow import SAMPLERS
from benchmarks.peers.sampling_tensorflow import conv_offset2d
from benchmarks.peers.sampling_tensorflow import deformable_conv2d
from benchmarks.peers.sampling_tensorflow import glimpse_network
from benchmarks.peers.sampling_tensorflow import glimpse_sensor
from benchmarks.peers.sampling_tensorflow import spatial_transformer

__all__ = [
    "SAMPLERS",
    "conv_offset2d",
    "deformable_conv2d",
    "glimpse_network",
    "glimpse_sensor",
    "spatial_transformer",
    "squeeze_excite",
]


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
