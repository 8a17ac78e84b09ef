"""Fusion layers and residual attention in JAX."""

import jax
import jax.numpy as jnp
from jax import lax


def selective_kernel(w, x, *, config, training):
    """Selective kernel convolution."""
    state = {}
    maps = []
    for path in ("path_0", "path_1"):
        u = _grouped(x, w[f"{path}/conv/kernel"], config, 1 + len(maps))
        u = u + _broadcast(w[f"{path}/bias"], u, config)
        u = _norm(w, f"{path}/norm", u, config, training, state)
        maps.append(jax.nn.relu(u))
    z = jnp.mean(maps[0] + maps[1], _axes(config)[1:])
    z = z @ w["squeeze/kernel"] + w["squeeze/bias"]
    z = jax.nn.relu(_norm(w, "squeeze_norm", z, config, training, state))
    z = z @ w["select/kernel"] + w["select/bias"]
    gates = jax.nn.softmax(z.reshape(len(z), 2, -1), axis=1)
    first, second = (
        jnp.expand_dims(gates[:, i], _axes(config)[1:]) for i in (0, 1)
    )
    return maps[0] * first + maps[1] * second, state


def multi_scale_channel_attention(w, x, *, config, training):
    """Multi-scale channel attention."""
    state = {}
    return x * _weights(w, "", x, config, training, state), state


def attentional_feature_fusion(w, x, residual, *, config, training):
    """Attentional feature fusion."""
    state = {}
    weights = _weights(w, "", x + residual, config, training, state)
    return 2 * (residual + (x - residual) * weights), state


def iterative_attentional_feature_fusion(w, x, residual, *, config, training):
    """Iterative attentional feature fusion."""
    state = {}
    weights = _weights(w, "", x + residual, config, training, state)
    fused = residual + (x - residual) * weights
    weights = _weights(w, "second_", fused, config, training, state)
    return residual + (x - residual) * weights, state


def _weights(w, prefix, x, config, training, state):
    settings = config, training, state
    narrow = _context(w, f"{prefix}local_context", x, *settings)
    wide = jnp.mean(x, _axes(config)[1:], keepdims=True)
    wide = _context(w, f"{prefix}global_context", wide, *settings)
    return jax.nn.sigmoid(narrow + wide)


def _context(w, name, x, config, training, state):
    for part in ("reduce", "expand"):
        x = jax.nn.relu(x) if part == "expand" else x
        x = _conv(x, w[f"{name}/{part}/kernel"][None, None], config)
        x = x + _broadcast(w[f"{name}/{part}/bias"], x, config)
        x = _norm(w, f"{name}/{part}_norm", x, config, training, state)
    return x


def residual_attention(w, x, *, config, training):
    """Residual attention module."""
    state = {}
    settings = config, training, state
    x = _unit(w, "before_1", x, *settings)
    trunk = _unit(w, "trunk_1", x, *settings)
    trunk = _unit(w, "trunk_2", trunk, *settings)
    mask = _hourglass(w, "hourglass", x, config["depth"], *settings)
    mask = jax.nn.sigmoid(_convs(w, "head", mask, 2, *settings))
    return _unit(w, "after_1", trunk * (1 + mask), *settings), state


def _hourglass(w, name, x, depth, *settings):
    axes = _axes(settings[0])[1:]
    z = lax.reduce_window(
        x,
        -jnp.inf,
        lax.max,
        [3 if axis in axes else 1 for axis in range(4)],
        [2 if axis in axes else 1 for axis in range(4)],
        "SAME",
    )
    z = _unit(w, f"{name}/down_1", z, *settings)
    if depth > 1:
        skip = _unit(w, f"{name}/skip", z, *settings)
        z = skip + _hourglass(w, f"{name}/inner", z, depth - 1, *settings)
    z = _unit(w, f"{name}/up_1", z, *settings)
    return jax.image.resize(z, x.shape, "bilinear")


def _unit(w, name, x, *settings):
    return x + _convs(w, name, x, 3, *settings)


def _convs(w, name, x, count, config, training, state):
    for i in range(1, count + 1):
        x = _norm(w, f"{name}/norm_{i}", x, config, training, state)
        x = _conv(jax.nn.relu(x), w[f"{name}/conv_{i}/kernel"], config)
    return x


def _conv(x, kernel, config, dilation=1):
    maps = "NHWC" if config["data_format"] == "channels_last" else "NCHW"
    return lax.conv_general_dilated(
        x,
        kernel,
        (1, 1),
        "SAME",
        rhs_dilation=(dilation, dilation),
        dimension_numbers=(maps, "HWIO", maps),
    )


def _grouped(x, kernel, config, dilation):
    """Convolve group by group, as XLA's gradients take seconds on CPUs."""
    axis = 3 if config["data_format"] == "channels_last" else 1
    groups = config["groups"]
    parts = jnp.split(x, groups, axis), jnp.split(kernel, groups, 3)
    return jnp.concatenate(
        [_conv(*part, config, dilation) for part in zip(*parts, strict=True)],
        axis,
    )


def _norm(w, name, x, config, training, state):
    mean = w[f"{name}/moving_mean"]
    variance = w[f"{name}/moving_variance"]
    if training:
        axes = _axes(config) if x.ndim == 4 else (0,)
        old = mean, variance
        mean, variance = jnp.mean(x, axes), jnp.var(x, axes)
        state[f"{name}/moving_mean"] = 0.9 * old[0] + 0.1 * mean
        state[f"{name}/moving_variance"] = 0.9 * old[1] + 0.1 * variance
    scale = w[f"{name}/gamma"] * lax.rsqrt(variance + 1e-5)
    centered = x - _broadcast(mean, x, config)
    beta = _broadcast(w[f"{name}/beta"], x, config)
    return centered * _broadcast(scale, x, config) + beta


def _axes(config):
    """Return all axes of a map except the channel axis."""
    last = config["data_format"] == "channels_last"
    return (0, 1, 2) if last else (0, 2, 3)


def _broadcast(vector, x, config):
    """Reshape a vector of channels to broadcast with `x`."""
    if x.ndim == 2 or config["data_format"] == "channels_last":
        return vector
    return vector[:, None, None]
