"""Samplers of the backends, for channels-last maps."""

import functools

# TensorFlow has none.
NAMES = {
    "jax": "jax.scipy.ndimage.map_coordinates",
    "torch": "torch.nn.functional.grid_sample",
}


def jax(maps, grid):
    """Sampler of JAX, which samples one channel at a time."""
    import jax

    _, height, width, _ = maps.shape
    rows = (grid[..., 1] + 1) / 2 * (height - 1)
    columns = (grid[..., 0] + 1) / 2 * (width - 1)
    read = functools.partial(
        jax.scipy.ndimage.map_coordinates, order=1, mode="constant"
    )
    every_channel = jax.vmap(read, (2, None), 2)
    return jax.vmap(every_channel)(maps, [rows, columns])


def torch(maps, grid):
    """Sampler of PyTorch."""
    import torch

    return torch.nn.functional.grid_sample(
        maps.permute(0, 3, 1, 2), grid, align_corners=True
    ).permute(0, 2, 3, 1)
