"""Helpers of the baselines in JAX."""

from benchmarks.baselines import _axes


def expand_gate(gate, config):
    """Reshape vectors, one per sample, to broadcast with a map."""
    from jax import numpy as jnp

    return jnp.expand_dims(gate, _axes.spatial(config))


def expand_vector(vector, x, config):
    """Reshape a vector of channels to broadcast with `x`."""
    if x.ndim == 2 or config["data_format"] == "channels_last":
        return vector
    return vector[:, None, None]


def conv(x, kernel, config, dilation=1):
    """Convolve maps, which keep their size."""
    from jax import lax

    maps = "NHWC" if config["data_format"] == "channels_last" else "NCHW"
    return lax.conv_general_dilated(
        x,
        kernel,
        (1, 1),
        "SAME",
        rhs_dilation=(dilation, dilation),
        dimension_numbers=(maps, "HWIO", maps),
    )


def grouped_conv(x, kernel, config, groups, dilation=1):
    """Convolve group by group, as XLA's gradients take seconds on CPUs."""
    from jax import numpy as jnp

    axis = _axes.channel(config)
    parts = jnp.split(x, groups, axis), jnp.split(kernel, groups, 3)
    maps = [conv(*part, config, dilation) for part in zip(*parts, strict=True)]
    return jnp.concatenate(maps, axis)


def norm(w, name, x, config, training, state):
    """Normalize a batch, and add new statistics to `state`."""
    from jax import lax
    from jax import numpy as jnp

    mean = w[f"{name}/moving_mean"]
    variance = w[f"{name}/moving_variance"]
    if training:
        axes = _axes.all_but_channel(config) if x.ndim == 4 else (0,)
        old = mean, variance
        mean, variance = jnp.mean(x, axes), jnp.var(x, axes)
        state[f"{name}/moving_mean"] = 0.9 * old[0] + 0.1 * mean
        state[f"{name}/moving_variance"] = 0.9 * old[1] + 0.1 * variance
    scale = w[f"{name}/gamma"] * lax.rsqrt(variance + 1e-5)
    centered = x - expand_vector(mean, x, config)
    beta = expand_vector(w[f"{name}/beta"], x, config)
    return centered * expand_vector(scale, x, config) + beta


def bilinear(x, rows, columns):
    """Sample NHWC maps at (N, P, Q) locations in pixels, zero outside."""
    from jax import numpy as jnp

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


def group_sums(value, offsets, mask, groups, kernel):
    """Weighted sums of samples of NHWC maps, at moved points of windows."""
    from jax import numpy as jnp

    batch, height, width, channels = value.shape
    points = kernel * kernel
    maps = value.reshape(batch, height, width, groups, -1)
    maps = jnp.moveaxis(maps, 3, 1).reshape(batch * groups, height, width, -1)
    offsets = offsets.reshape(batch, height, width, groups, points, 2)
    offsets = jnp.moveaxis(offsets, 3, 1).reshape(-1, height, width, points, 2)
    i, j = jnp.divmod(jnp.arange(points), kernel)
    rows = jnp.arange(height)[:, None, None] + j - kernel // 2
    columns = jnp.arange(width)[:, None] + i - kernel // 2
    flat = (batch * groups, height, width * points)
    samples = bilinear(
        maps,
        (offsets[..., 1] + rows).reshape(flat),
        (offsets[..., 0] + columns).reshape(flat),
    ).reshape(batch, groups, height, width, points, -1)
    weights = mask.reshape(batch, height, width, groups, points)
    sums = jnp.einsum("bghwpc,bhwgp->bhwgc", samples, weights)
    return sums.reshape(batch, height, width, channels)
