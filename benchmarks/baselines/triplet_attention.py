"""Triplet attention as hand-written code of each backend."""


def jax(w, x, *, config, training):
    """Triplet attention in JAX."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    last = config["data_format"] == "channels_last"
    rows, columns, channels = (1, 2, 3) if last else (2, 3, 1)
    state = {}

    def gate(name, axis, swap):
        d = jnp.stack([jnp.max(x, axis), jnp.mean(x, axis)], 3)
        kernel = w[f"{name}/conv/kernel"]
        scores = lax.conv_general_dilated(
            d,
            kernel.swapaxes(0, 1) if swap else kernel,
            window_strides=(1, 1),
            padding="SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        mean = w[f"{name}/norm/moving_mean"]
        variance = w[f"{name}/norm/moving_variance"]
        if training:
            old = mean, variance
            mean, variance = jnp.mean(scores), jnp.var(scores)
            new = 0.99 * old[0] + 0.01 * mean
            state[f"{name}/norm/moving_mean"] = new
            new = 0.99 * old[1] + 0.01 * variance
            state[f"{name}/norm/moving_variance"] = new
        scale = w[f"{name}/norm/gamma"] * lax.rsqrt(variance + 1e-5)
        scores = (scores - mean) * scale + w[f"{name}/norm/beta"]
        return jnp.expand_dims(jax.nn.sigmoid(scores[..., 0]), axis)

    height = gate("height", columns, not last)
    width = gate("width", rows, last)
    spatial = gate("spatial", channels, False)
    return x * ((height + width + spatial) / 3), state


def tensorflow(w, x, *, config, training):
    """Triplet attention in TensorFlow."""
    import tensorflow as tf

    last = config["data_format"] == "channels_last"
    rows, columns, channels = (1, 2, 3) if last else (2, 3, 1)

    def gate(name, axis, swap):
        d = tf.stack([tf.reduce_max(x, axis), tf.reduce_mean(x, axis)], 3)
        kernel = tf.convert_to_tensor(w[f"{name}/conv/kernel"])
        if swap:
            kernel = tf.transpose(kernel, (1, 0, 2, 3))
        scores = tf.nn.conv2d(d, kernel, 1, "SAME")
        moving_mean = w[f"{name}/norm/moving_mean"]
        moving_variance = w[f"{name}/norm/moving_variance"]
        mean, variance = map(
            tf.convert_to_tensor, (moving_mean, moving_variance)
        )
        if training:
            old = mean, variance
            mean, variance = tf.nn.moments(scores, (0, 1, 2))
            moving_mean.assign(0.99 * old[0] + 0.01 * mean)
            moving_variance.assign(0.99 * old[1] + 0.01 * variance)
        scores = tf.nn.batch_normalization(
            scores,
            mean,
            variance,
            w[f"{name}/norm/beta"],
            w[f"{name}/norm/gamma"],
            1e-5,
        )
        return tf.expand_dims(tf.sigmoid(scores[..., 0]), axis)

    height = gate("height", columns, not last)
    width = gate("width", rows, last)
    spatial = gate("spatial", channels, False)
    return x * ((height + width + spatial) / 3)


def torch(w, x, *, config, training):
    """Triplet attention in PyTorch."""
    import torch
    from torch.nn import functional

    last = config["data_format"] == "channels_last"
    rows, columns, channels = (1, 2, 3) if last else (2, 3, 1)

    def gate(name, axis, swap):
        kernel = w[f"{name}/conv/kernel"]
        scores = functional.conv2d(
            torch.stack((x.amax(axis), x.mean(axis)), 1),
            kernel.transpose(2, 3) if swap else kernel,
            padding=kernel.shape[-1] // 2,
        )
        scores = torch.batch_norm(
            scores,
            w[f"{name}/norm/gamma"],
            w[f"{name}/norm/beta"],
            w[f"{name}/norm/moving_mean"],
            w[f"{name}/norm/moving_variance"],
            training,
            0.01,
            1e-5,
            False,
        )
        return scores.sigmoid()[:, 0].unsqueeze(axis)

    height = gate("height", columns, not last)
    width = gate("width", rows, last)
    spatial = gate("spatial", channels, False)
    return x * ((height + width + spatial) / 3)
