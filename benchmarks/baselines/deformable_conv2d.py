"""Deformable convolution as hand-written code of each backend.

All taps are sampled by one call, and multiplied by the kernel in one product.
"""

from benchmarks.baselines import _jax
from benchmarks.baselines import _tensorflow


def jax(w, x, *, config, training):
    """Deformable convolution in JAX."""
    import jax
    from jax import numpy as jnp

    first = config["data_format"] == "channels_first"
    maps = _jax.conv(x, w["offset_kernel"], config)
    if first:
        x, maps = (z.transpose(0, 2, 3, 1) for z in (x, maps))
    maps = maps + w["offset_bias"]
    batch, height, width, _ = x.shape
    kernel_height, kernel_width, _, filters = w["kernel"].shape
    taps = kernel_height * kernel_width
    offsets, logits = maps[..., : 2 * taps], maps[..., 2 * taps :]
    offsets = offsets.reshape(batch, height, width * taps, 2)
    i, j = jnp.divmod(jnp.arange(taps), kernel_width)
    shape = (height, width, taps)
    rows = jnp.arange(height)[:, None, None] + i - kernel_height // 2
    columns = jnp.arange(width)[:, None] + j - kernel_width // 2
    flat = (height, width * taps)
    samples = _jax.bilinear(
        x,
        offsets[..., 0] + jnp.broadcast_to(rows, shape).reshape(flat),
        offsets[..., 1] + jnp.broadcast_to(columns, shape).reshape(flat),
    )
    samples = samples.reshape(batch, height, width, taps, -1)
    samples = samples * jax.nn.sigmoid(logits)[..., None]
    samples = samples.reshape(batch, height, width, -1)
    y = samples @ w["kernel"].reshape(-1, filters) + w["bias"]
    return y.transpose(0, 3, 1, 2) if first else y, {}


def tensorflow(w, x, *, config, training):
    """Deformable convolution in TensorFlow."""
    import tensorflow as tf

    x = _tensorflow.to_last(x, config)
    batch, height, width, channels = x.shape
    kernel_height, kernel_width, _, filters = w["kernel"].shape
    taps = kernel_height * kernel_width
    maps = tf.nn.conv2d(x, w["offset_kernel"], 1, "SAME") + w["offset_bias"]
    offsets, logits = tf.split(maps, (2 * taps, taps), -1)
    offsets = tf.reshape(offsets, (batch, height, width, taps, 2))
    i, j = tf.meshgrid(
        tf.range(kernel_height, dtype=x.dtype) - kernel_height // 2,
        tf.range(kernel_width, dtype=x.dtype) - kernel_width // 2,
        indexing="ij",
    )
    rows = tf.range(height, dtype=x.dtype)[:, None, None] + tf.reshape(i, [-1])
    columns = tf.range(width, dtype=x.dtype)[:, None] + tf.reshape(j, [-1])
    flat = (batch, height, width * taps)
    samples = _tensorflow.bilinear(
        x,
        tf.reshape(offsets[..., 0] + rows, flat),
        tf.reshape(offsets[..., 1] + columns, flat),
    )
    samples = samples * tf.reshape(tf.sigmoid(logits), (*flat, 1))
    samples = tf.reshape(samples, (batch * height * width, taps * channels))
    kernel = tf.reshape(w["kernel"], (taps * channels, filters))
    y = tf.nn.bias_add(tf.matmul(samples, kernel), w["bias"])
    y = tf.reshape(y, (batch, height, width, filters))
    return _tensorflow.from_last(y, config)


def torch(w, x, *, config, training):
    """Deformable convolution in PyTorch."""
    import torch

    functional = torch.nn.functional
    first = config["data_format"] == "channels_first"
    x = x if first else x.permute(0, 3, 1, 2)
    batch, channels, height, width = x.shape
    taps = side = 3
    taps *= side
    maps = functional.conv2d(
        x, w["offset_kernel"], w["offset_bias"], padding=side // 2
    ).permute(0, 2, 3, 1)
    offsets, logits = maps.split((2 * taps, taps), -1)
    offsets = offsets.view(batch, height, width, taps, 2)
    near = torch.arange(side, device=x.device) - side // 2
    i, j = torch.meshgrid(near, near, indexing="ij")
    y = torch.arange(height, device=x.device)[:, None, None] + i.ravel()
    x_ = torch.arange(width, device=x.device)[:, None] + j.ravel()
    grid = torch.stack(
        [
            (2 * (offsets[..., 1] + x_) + 1) / width - 1,
            (2 * (offsets[..., 0] + y) + 1) / height - 1,
        ],
        -1,
    )
    samples = functional.grid_sample(
        x, grid.view(batch, height, width * taps, 2), align_corners=False
    )
    mask = torch.sigmoid(logits).reshape(batch, 1, height, width * taps)
    samples = (samples * mask).view(batch, channels, height, width, taps)
    samples = samples.permute(0, 2, 3, 4, 1).reshape(-1, taps * channels)
    kernel = w["kernel"].permute(2, 3, 1, 0).reshape(taps * channels, -1)
    y = torch.addmm(w["bias"], samples, kernel)
    y = y.view(batch, height, width, -1)
    return y.permute(0, 3, 1, 2) if first else y
