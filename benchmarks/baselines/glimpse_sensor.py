"""Glimpse sensor as hand-written code of each backend.

Larger squares are averaged by pooling.
"""

from benchmarks.baselines import _tensorflow


def jax(w, images, locations, *, config, training):
    """Glimpse sensor in JAX, by indexing."""
    from jax import numpy as jnp

    first = config["data_format"] == "channels_first"
    maps = images.transpose(0, 2, 3, 1) if first else images
    batch, height, width, channels = maps.shape
    size = config["glimpse_size"]
    sample = jnp.arange(batch)[:, None, None]
    x, y = jnp.moveaxis((locations.astype("float32") + 1) / 2, 1, 0)
    glimpses = []
    for scale in range(config["num_scales"]):
        factor = config["scale_factor"] ** scale
        side = factor * size
        steps = jnp.arange(side) - side // 2
        rows = jnp.floor(y * height).astype(int)[:, None, None]
        columns = jnp.floor(x * width).astype(int)[:, None, None]
        rows, columns = rows + steps[:, None], columns + steps
        inside = (rows >= 0) & (rows < height)
        inside = inside & (columns >= 0) & (columns < width)
        square = maps[
            sample, rows.clip(0, height - 1), columns.clip(0, width - 1)
        ]
        square = jnp.where(inside[..., None], square, 0)
        square = square.reshape(batch, size, factor, size, factor, channels)
        glimpses.append(square.mean((2, 4)))
    y = jnp.stack(glimpses, 1)
    return y.transpose(0, 1, 4, 2, 3) if first else y, {}


def tensorflow(w, images, locations, *, config, training):
    """Glimpse sensor in TensorFlow, by gathering."""
    import tensorflow as tf

    maps = _tensorflow.to_last(images, config)
    batch, height, width, channels = maps.shape
    flat = tf.reshape(maps, (batch, height * width, channels))
    size = config["glimpse_size"]
    x, y = tf.unstack((locations + 1) / 2, axis=1)
    glimpses = []
    for scale in range(config["num_scales"]):
        factor = config["scale_factor"] ** scale
        side = factor * size
        steps = tf.range(side) - side // 2
        rows = tf.cast(tf.floor(y * height), tf.int32)[:, None, None]
        columns = tf.cast(tf.floor(x * width), tf.int32)[:, None, None]
        rows, columns = rows + steps[:, None], columns + steps
        inside = (rows >= 0) & (rows < height)
        inside = inside & (columns >= 0) & (columns < width)
        rows = tf.clip_by_value(rows, 0, height - 1)
        columns = tf.clip_by_value(columns, 0, width - 1)
        square = tf.gather(flat, rows * width + columns, batch_dims=1)
        square = square * tf.cast(inside, square.dtype)[..., None]
        if factor > 1:
            square = tf.nn.avg_pool2d(square, factor, factor, "VALID")
        glimpses.append(_tensorflow.from_last(square, config))
    return tf.stack(glimpses, 1)


def torch(w, images, locations, *, config, training):
    """Glimpse sensor in PyTorch, by indexing."""
    import torch

    first = config["data_format"] == "channels_first"
    maps = images.permute(0, 2, 3, 1) if first else images
    batch, height, width, _ = maps.shape
    size = config["glimpse_size"]
    sample = torch.arange(batch, device=maps.device)[:, None, None]
    glimpses = []
    for scale in range(config["num_scales"]):
        factor = config["scale_factor"] ** scale
        side = factor * size
        steps = torch.arange(side, device=maps.device) - side // 2
        x, y = ((locations.float() + 1) / 2).unbind(1)
        rows = (y * height).floor().long()[:, None] + steps
        columns = (x * width).floor().long()[:, None] + steps
        inside = ((rows >= 0) & (rows < height))[:, :, None] & (
            (columns >= 0) & (columns < width)
        )[:, None]
        square = maps[
            sample,
            rows.clamp(0, height - 1)[:, :, None],
            columns.clamp(0, width - 1)[:, None],
        ]
        square = (square * inside[..., None]).permute(0, 3, 1, 2)
        if factor > 1:
            square = torch.nn.functional.avg_pool2d(square, factor)
        glimpses.append(square if first else square.permute(0, 2, 3, 1))
    return torch.stack(glimpses, 1)
