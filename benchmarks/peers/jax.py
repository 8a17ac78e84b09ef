"""JAX."""

import jax
import jax.numpy as jnp

from benchmarks.peers.sampling_jax import SAMPLERS
from benchmarks.peers.sampling_jax import conv_offset2d
from benchmarks.peers.sampling_jax import deformable_conv2d
from benchmarks.peers.sampling_jax import glimpse_network
from benchmarks.peers.sampling_jax import glimpse_sensor
from benchmarks.peers.sampling_jax import spatial_transformer

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


def _spread(gate, config):
    """Return a vector of channels to multiply a map by."""
    return jnp.expand_dims(gate, _spatial(config))


def squeeze_excite(w, x, *, config, training):
    """Squeeze and excitation."""
    z = jnp.mean(x, _spatial(config))
    z = jax.nn.relu(z @ w["squeeze/kernel"])
    gate = jax.nn.sigmoid(z @ w["excite/kernel"])
    return x * _spread(gate, config), {}
