"""Channel and spatial attention in JAX."""

import jax
import jax.numpy as jnp
from jax import lax


def _spatial(config):
    """Return the spatial axes of a map."""
    return (1, 2) if config["data_format"] == "channels_last" else (2, 3)


def _channel(config):
    """Return the axis of channels."""
    return 3 if config["data_format"] == "channels_last" else 1


def _broadcast(gate, config):
    """Reshape a vector of channels to broadcast with a map."""
    return jnp.expand_dims(gate, _spatial(config))


def squeeze_excite(w, x, *, config, training):
    """Squeeze and excitation."""
    z = jnp.mean(x, _spatial(config))
    z = jax.nn.relu(z @ w["squeeze/kernel"])
    gate = jax.nn.sigmoid(z @ w["excite/kernel"])
    return x * _broadcast(gate, config), {}


def gated_channel_transform(w, x, *, config, training):
    """Gated channel transformation, mode L2."""
    epsilon = config["epsilon"]
    energy = jnp.sum(jnp.square(x), _spatial(config))
    s = w["alpha"] * jnp.sqrt(energy + epsilon)
    norm = lax.rsqrt(jnp.mean(jnp.square(s), 1, keepdims=True) + epsilon)
    gate = 1 + jnp.tanh(w["gamma"] * s * norm + w["beta"])
    return x * _broadcast(gate, config), {}


def _channel_gate(w, x, config, prefix=""):
    def mlp(z):
        z = z @ w[prefix + "squeeze/kernel"] + w[prefix + "squeeze/bias"]
        z = jax.nn.relu(z) @ w[prefix + "excite/kernel"]
        return z + w[prefix + "excite/bias"]

    axes = _spatial(config)
    gate = mlp(jnp.mean(x, axes)) + mlp(jnp.max(x, axes))
    return _broadcast(jax.nn.sigmoid(gate), config)


def _spatial_gate(w, x, config, prefix=""):
    axis = _channel(config)
    d = [jnp.max(x, axis, keepdims=True), jnp.mean(x, axis, keepdims=True)]
    layout = "NHWC" if axis == 3 else "NCHW"
    scores = lax.conv_general_dilated(
        jnp.concatenate(d, axis),
        w[prefix + "conv/kernel"],
        window_strides=(1, 1),
        padding="SAME",
        dimension_numbers=(layout, "HWIO", layout),
    )
    return jax.nn.sigmoid(scores + w[prefix + "conv/bias"])


def channel_attention(w, x, *, config, training):
    """Channel attention of CBAM."""
    return x * _channel_gate(w, x, config), {}


def spatial_attention(w, x, *, config, training):
    """Spatial attention of CBAM."""
    return x * _spatial_gate(w, x, config), {}


def cbam(w, x, *, config, training):
    """CBAM with both gates computed from the input."""
    channel = _channel_gate(w, x, config, "channel/")
    spatial = _spatial_gate(w, x, config, "spatial/")
    return x * channel * spatial, {}


def spatial_group_enhance(w, x, *, config, training):
    """Spatial group-wise enhance."""
    size, groups = x.shape, config["groups"]
    if config["data_format"] == "channels_last":
        x = x.reshape(size[0], size[1] * size[2], groups, -1)
        members, places = 3, 1
        gamma, beta = w["gamma"][:, None], w["beta"][:, None]
    else:
        x = x.reshape(size[0], groups, -1, size[2] * size[3])
        members, places = 2, 3
        gamma, beta = w["gamma"][:, None, None], w["beta"][:, None, None]
    mean = jnp.mean(x, places, keepdims=True)
    t = jnp.sum(x * mean, members, keepdims=True)
    t = t - jnp.mean(t, places, keepdims=True)
    squares = jnp.sum(jnp.square(t), places, keepdims=True)
    variance = squares / max(t.shape[places] - 1, 1)
    t = t / (jnp.sqrt(jnp.maximum(variance, 1e-30)) + config["epsilon"])
    return (x * jax.nn.sigmoid(gamma * t + beta)).reshape(size), {}
