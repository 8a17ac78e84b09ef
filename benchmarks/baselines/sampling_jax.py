"""Layers that sample maps, in JAX."""

import functools

import jax
import jax.numpy as jnp
from jax import lax


def _conv(x, kernel, first):
    order = ("NCHW", "HWIO", "NCHW") if first else ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=order
    )


def _bilinear(x, rows, columns):
    """Sample NHWC maps at (N, P, Q) locations in pixels, zero outside."""
    _, height, width, _ = x.shape
    sample = jnp.arange(x.shape[0])[:, None, None]
    top, left = jnp.floor(rows), jnp.floor(columns)
    t, s = rows - top, columns - left

    def read(row, column, weight):
        row, column = row.astype(int), column.astype(int)
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        row = jnp.clip(row, 0, height - 1)
        column = jnp.clip(column, 0, width - 1)
        return x[sample, row, column] * (weight * inside)[..., None]

    return (
        read(top, left, (1 - t) * (1 - s))
        + read(top, left + 1, (1 - t) * s)
        + read(top + 1, left, t * (1 - s))
        + read(top + 1, left + 1, t * s)
    )


def spatial_transformer(w, x, *, config, training):
    """Spatial transformer with global average pooling as the localization."""
    first = config["data_format"] == "channels_first"
    x = x.transpose(0, 2, 3, 1) if first else x
    _, height, width, _ = x.shape
    theta = x.mean((1, 2)) @ w["kernel"] + w["bias"]
    theta = theta.reshape(-1, 2, 3)
    u = jnp.linspace(-1, 1, width) if width > 1 else jnp.zeros(1)
    v = jnp.linspace(-1, 1, height) if height > 1 else jnp.zeros(1)
    v, u = jnp.meshgrid(v, u, indexing="ij")
    locations = jnp.stack([u, v, jnp.ones_like(u)], -1)
    grid = jnp.einsum("hwk,bck->bchw", locations, theta)
    y = _bilinear(
        x,
        (grid[:, 1] + 1) / 2 * (height - 1),
        (grid[:, 0] + 1) / 2 * (width - 1),
    )
    return y.transpose(0, 3, 1, 2) if first else y, {}


def deformable_conv2d(w, x, *, config, training):
    """Deformable convolution: one sampler for all taps, one matrix product."""
    first = config["data_format"] == "channels_first"
    maps = _conv(x, w["offset_kernel"], first)
    if first:
        x, maps = (z.transpose(0, 2, 3, 1) for z in (x, maps))
    maps = maps + w["offset_bias"]
    batch, height, width, _ = x.shape
    high, wide, _, filters = w["kernel"].shape
    taps = high * wide
    offsets, logits = maps[..., : 2 * taps], maps[..., 2 * taps :]
    offsets = offsets.reshape(batch, height, width * taps, 2)
    i, j = jnp.divmod(jnp.arange(taps), wide)
    shape = (height, width, taps)
    rows = jnp.arange(height)[:, None, None] + i - high // 2
    columns = jnp.arange(width)[:, None] + j - wide // 2
    flat = (height, width * taps)
    samples = _bilinear(
        x,
        offsets[..., 0] + jnp.broadcast_to(rows, shape).reshape(flat),
        offsets[..., 1] + jnp.broadcast_to(columns, shape).reshape(flat),
    )
    samples = samples.reshape(batch, height, width, taps, -1)
    samples = samples * jax.nn.sigmoid(logits)[..., None]
    samples = samples.reshape(batch, height, width, -1)
    y = samples @ w["kernel"].reshape(-1, filters) + w["bias"]
    return y.transpose(0, 3, 1, 2) if first else y, {}


def conv_offset2d(w, x, *, config, training):
    """Resampling by an index for each channel."""
    first = config["data_format"] == "channels_first"
    maps = _conv(x, w["offset/kernel"], first)
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


def glimpse_sensor(w, images, locations, *, config, training):
    """Glimpse sensor by indexing, with average pooling of larger squares."""
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


def glimpse_network(w, images, locations, *, config, training):
    """Glimpse network."""
    glimpses, _ = glimpse_sensor(
        w, images, locations, config=config, training=training
    )
    if config["data_format"] == "channels_first":
        glimpses = jnp.moveaxis(glimpses, 2, -1)
    pixels = glimpses.reshape(len(glimpses), -1)

    def dense(name, x):
        return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    what = jax.nn.relu(dense("glimpse_hidden", pixels))
    where = jax.nn.relu(dense("location_hidden", locations))
    y = dense("glimpse_out", what) + dense("location_out", where)
    return jax.nn.relu(y), {}


def _map_coordinates(maps, grid):
    """Sampler of `jax.scipy`, for one channel at a time."""
    _, height, width, _ = maps.shape
    rows = (grid[..., 1] + 1) / 2 * (height - 1)
    columns = (grid[..., 0] + 1) / 2 * (width - 1)
    read = functools.partial(
        jax.scipy.ndimage.map_coordinates, order=1, mode="constant"
    )
    every_channel = jax.vmap(read, (2, None), 2)
    return jax.vmap(every_channel)(maps, [rows, columns])


SAMPLERS = {"jax.scipy.ndimage.map_coordinates": _map_coordinates}
