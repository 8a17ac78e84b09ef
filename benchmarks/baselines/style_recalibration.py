"""Style-based recalibration as hand-written code of each backend."""


def _spatial(config):
    """Return the spatial axes of a map."""
    return (1, 2) if config["data_format"] == "channels_last" else (2, 3)


def _expand(gate, config):
    """Reshape vectors, one per sample, to broadcast with a map."""
    if config["data_format"] == "channels_last":
        return gate[:, None, None, :]
    return gate[:, :, None, None]


def _samples(x, axes):
    """Return the divisor of an unbiased variance."""
    return max(x.shape[axes[0]] * x.shape[axes[1]] - 1, 1)


def jax(w, x, *, config, training):
    """Style-based recalibration in JAX."""
    import jax
    from jax import numpy as jnp

    axes = _spatial(config)
    x32 = x.astype("float32")
    mean = jnp.mean(x32, axes, keepdims=True)
    squares = jnp.sum(jnp.square(x32 - mean), axes)
    deviation = jnp.sqrt(squares / _samples(x, axes) + config["epsilon"])
    kernel = w["kernel"]
    z = kernel[:, 0] * jnp.squeeze(mean, axes) + kernel[:, 1] * deviation
    state = {}
    mean, variance = w["norm/moving_mean"], w["norm/moving_variance"]
    if training:
        old = mean, variance
        mean, variance = jnp.mean(z, 0), jnp.var(z, 0)
        state["norm/moving_mean"] = 0.9 * old[0] + 0.1 * mean
        state["norm/moving_variance"] = 0.9 * old[1] + 0.1 * variance
    scale = w["norm/gamma"] * jax.lax.rsqrt(variance + 1e-5)
    gate = jax.nn.sigmoid((z - mean) * scale + w["norm/beta"])
    return x * _expand(gate, config).astype(x.dtype), state


def tensorflow(w, x, *, config, training):
    """Style-based recalibration in TensorFlow."""
    import tensorflow as tf

    axes = _spatial(config)
    mean = tf.reduce_mean(x, axes, keepdims=True)
    squares = tf.reduce_sum(tf.square(x - mean), axes)
    deviation = tf.sqrt(squares / _samples(x, axes) + config["epsilon"])
    kernel = tf.convert_to_tensor(w["kernel"])
    z = kernel[:, 0] * tf.squeeze(mean, axes) + kernel[:, 1] * deviation
    mean = tf.convert_to_tensor(w["norm/moving_mean"])
    variance = tf.convert_to_tensor(w["norm/moving_variance"])
    if training:
        old = mean, variance
        mean, variance = tf.nn.moments(z, (0,))
        w["norm/moving_mean"].assign(0.9 * old[0] + 0.1 * mean)
        w["norm/moving_variance"].assign(0.9 * old[1] + 0.1 * variance)
    z = tf.nn.batch_normalization(
        z, mean, variance, w["norm/beta"], w["norm/gamma"], 1e-5
    )
    return x * _expand(tf.sigmoid(z), config)


def torch(w, x, *, config, training):
    """Style-based recalibration in PyTorch."""
    import torch

    axes = _spatial(config)
    x32 = x.float()
    mean = x32.mean(axes, keepdim=True)
    squares = (x32 - mean).square().sum(axes)
    deviation = (squares / _samples(x, axes) + config["epsilon"]).sqrt()
    kernel = w["kernel"]
    z = kernel[0] * mean.squeeze(axes) + kernel[1] * deviation
    # Not `functional.batch_norm`, which raises an error for a single vector.
    z = torch.batch_norm(
        z,
        w["norm/gamma"],
        w["norm/beta"],
        w["norm/moving_mean"],
        w["norm/moving_variance"],
        training,
        0.1,
        1e-5,
        False,
    )
    return x * _expand(z.sigmoid(), config).to(x.dtype)
