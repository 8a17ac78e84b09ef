"""Resampling by learned offsets as hand-written code of each backend."""

from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow


def jax(w, x, *, config, training):
    """Resampling in JAX: an index for each channel."""
    from jax import numpy as jnp

    first = config["data_format"] == "channels_first"
    maps = _jax.conv(x, w["offset/kernel"], config)
    if first:
        x, maps = (z.transpose(0, 2, 3, 1) for z in (x, maps))
    batch, height, width, channels = x.shape
    pairs = maps.reshape(*x.shape, 2)
    y = jnp.arange(height)[:, None, None] + pairs[..., 0]
    x_ = jnp.arange(width)[:, None] + pairs[..., 1]
    y, x_ = jnp.clip(y, 0, height - 1), jnp.clip(x_, 0, width - 1)
    top, left = jnp.floor(y), jnp.floor(x_)
    t, s = y - top, x_ - left
    top, left = top.astype(int), left.astype(int)
    bottom = jnp.minimum(top + 1, height - 1)
    right = jnp.minimum(left + 1, width - 1)
    flat = x.reshape(batch, height * width, channels)

    def read(row, column):
        index = (row * width + column).reshape(flat.shape)
        return jnp.take_along_axis(flat, index, 1).reshape(x.shape)

    y = (1 - t) * ((1 - s) * read(top, left) + s * read(top, right)) + t * (
        (1 - s) * read(bottom, left) + s * read(bottom, right)
    )
    return y.transpose(0, 3, 1, 2) if first else y, {}


def tensorflow(w, x, *, config, training):
    """Resampling in TensorFlow: a gather of single values for each channel."""
    import tensorflow as tf

    x = _tensorflow.to_last(x, config)
    batch, height, width, channels = x.shape
    maps = tf.nn.conv2d(x, w["offset/kernel"], 1, "SAME")
    pairs = tf.reshape(maps, (batch, height, width, channels, 2))
    y = tf.range(height, dtype=x.dtype)[:, None, None] + pairs[..., 0]
    x_ = tf.range(width, dtype=x.dtype)[:, None] + pairs[..., 1]
    y = tf.clip_by_value(y, 0.0, height - 1.0)
    x_ = tf.clip_by_value(x_, 0.0, width - 1.0)
    top, left = tf.floor(y), tf.floor(x_)
    t, s = y - top, x_ - left
    top, left = tf.cast(top, tf.int32), tf.cast(left, tf.int32)
    bottom = tf.minimum(top + 1, height - 1)
    right = tf.minimum(left + 1, width - 1)
    flat = tf.reshape(x, [-1])
    sample = tf.range(batch)[:, None, None, None] * (height * width)
    channel = tf.range(channels)

    def read(row, column):
        index = (sample + row * width + column) * channels + channel
        return tf.gather(flat, index)

    y = (1 - t) * ((1 - s) * read(top, left) + s * read(top, right)) + t * (
        (1 - s) * read(bottom, left) + s * read(bottom, right)
    )
    return _tensorflow.from_last(y, config)


def torch(w, x, *, config, training):
    """Resampling in PyTorch: a `gather` for each channel."""
    import torch

    first = config["data_format"] == "channels_first"
    maps = x if first else x.permute(0, 3, 1, 2)
    _, channels, height, width = maps.shape
    offsets = torch.nn.functional.conv2d(
        maps, w["offset/kernel"], padding="same"
    )
    pairs = offsets.unflatten(1, (channels, 2))
    if first:
        dy, dx = pairs.unbind(2)
        flat = x.flatten(2)
        y = torch.arange(height, device=x.device)[:, None]
        x_ = torch.arange(width, device=x.device)
    else:
        dy, dx = pairs.permute(0, 3, 4, 1, 2).unbind(-1)
        flat = x.flatten(1, 2)
        y = torch.arange(height, device=x.device)[:, None, None]
        x_ = torch.arange(width, device=x.device)[:, None]
    axis = 2 if first else 1
    y, x_ = (y + dy).clamp(0, height - 1), (x_ + dx).clamp(0, width - 1)
    top, left = y.detach().floor(), x_.detach().floor()
    t, s = y - top, x_ - left
    top, left = top.long(), left.long()
    right = (left + 1).clamp(max=width - 1)
    bottom = (top + 1).clamp(max=height - 1)

    def read(row, column):
        index = (row * width + column).view(flat.shape)
        return flat.gather(axis, index).view(x.shape)

    above = torch.lerp(read(top, left), read(top, right), s)
    below = torch.lerp(read(bottom, left), read(bottom, right), s)
    return torch.lerp(above, below, t)
