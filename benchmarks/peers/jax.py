"""JAX."""

import jax
import jax.numpy as jnp

from benchmarks.peers.fusion_jax import *  # noqa: F403


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
