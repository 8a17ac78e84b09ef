"""PyTorch's own sampler."""

import torch

from keras_attention._backend.plain import sampling
from keras_attention._backend.torch.autodiff import has_tangent
from keras_attention._backend.torch.rows import weighted_rows


def grid_sample(
    maps, grid, *, interpolation, padding_mode, align_corners, data_format
):
    """Return `maps` at the places of `grid`, of one dtype."""
    if has_tangent(maps, grid):
        # PyTorch's own has no forward mode.
        return sampling.grid_sample(
            maps,
            grid,
            interpolation=interpolation,
            padding_mode=padding_mode,
            align_corners=align_corners,
            data_format=data_format,
            weighted_rows=weighted_rows,
        )
    if interpolation == "bilinear" and padding_mode != "zeros":
        grid = _in_reach(grid, padding_mode)
    if data_format == "channels_last":
        maps = maps.permute(0, 3, 1, 2)
    outputs = torch.nn.functional.grid_sample(
        maps,
        grid,
        mode=interpolation,
        padding_mode=padding_mode,
        align_corners=align_corners,
    )
    if data_format == "channels_last":
        outputs = outputs.permute(0, 2, 3, 1)
    return outputs


def take_along(values, index, axis):
    """Return the values at an index of their own along an axis."""
    # Not Keras', which first looks for negative ones.
    return torch.gather(values, axis, index.long())


def _in_reach(grid, padding_mode):
    """Put what is not a number, or too large for one, where it is read anyway.

    On CPUs the backward pass of PyTorch 2.13 leaves the image for those, and
    crashes; the forward pass reads the pixels that are named here.
    """
    if padding_mode == "border":
        return torch.nan_to_num(grid, nan=-1.0, posinf=1.0, neginf=-1.0)
    return torch.where(grid.abs() < 1e30, grid, -1.0)
