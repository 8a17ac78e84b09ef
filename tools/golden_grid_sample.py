"""Writes `tests/goldens/grid_sample.npz` from PyTorch, in float64.

Needs PyTorch: `python tools/golden_grid_sample.py`. Under a setting's name,
such as `bicubic/border/True/`, the file holds the outputs `y` and the gradients
of `sum(y * cotangent)`: `dx` and, but for the nearest pixel, `dgrid`. Maps and
outputs are channels last. Coordinates are short binary fractions, which float32
represents exactly.
"""

import itertools
import json
import pathlib

import numpy as np
import torch

FILE = pathlib.Path(__file__).parents[1] / "tests/goldens/grid_sample.npz"
MODES = ("bilinear", "nearest", "bicubic")
PADDINGS = ("zeros", "border", "reflection")
# Sizes of which the centers of pixels are binary fractions, in both senses of
# `align_corners`, are few: 5 and 9 have them in one, 4 and 8 in the other.
SHAPES = {True: (2, 5, 9, 2), False: (2, 4, 8, 2)}


def locations(rng, shape, align_corners):
    """Return (B, 5, 6, 2) locations: in, on the edges, between, far outside."""
    grid = rng.integers(-96, 97, size=(shape[0], 5, 6, 2)) / 64
    _, height, width, _ = shape
    for axis, size in enumerate((width, height)):
        pixels = np.arange(-2, size + 2)
        if align_corners:
            centers = pixels * 2 / (size - 1) - 1
        else:
            centers = (2 * pixels + 1) / size - 1
        grid[0, :3, :, axis] = rng.choice(centers, size=(3, 6))
        grid[1, 0, :, axis] = rng.choice((-1, 0, 1), size=6)
        grid[1, 1, :, axis] = rng.choice((-31.125, 17.375, 9.0625), size=6)
    return grid


def run(maps, grid, cotangent, **settings):
    """Return outputs and gradients, as arrays by name."""
    maps = torch.tensor(maps, requires_grad=True)
    grid = torch.tensor(grid, requires_grad=True)
    outputs = torch.nn.functional.grid_sample(
        maps.permute(0, 3, 1, 2), grid, **settings
    ).permute(0, 2, 3, 1)
    loss = (outputs * torch.tensor(cotangent)).sum()
    gradients = torch.autograd.grad(loss, [maps, grid])
    arrays = zip(("y", "dx", "dgrid"), (outputs, *gradients), strict=True)
    return {name: array.detach().numpy() for name, array in arrays}


def main():
    """Write the file."""
    rng = np.random.default_rng(0)
    arrays = {}
    for align_corners, shape in SHAPES.items():
        maps = rng.normal(size=shape).astype("float32").astype("float64")
        grid = locations(rng, shape, align_corners)
        cotangent = rng.normal(size=(*grid.shape[:-1], shape[-1]))
        cotangent = cotangent.astype("float32").astype("float64")
        given = {"x": maps, "grid": grid, "cotangent": cotangent}
        arrays |= {f"{align_corners}/{k}": v for k, v in given.items()}
        for mode, padding in itertools.product(MODES, PADDINGS):
            found = run(
                maps,
                grid,
                cotangent,
                mode=mode,
                padding_mode=padding,
                align_corners=align_corners,
            )
            if mode == "nearest":
                del found["dgrid"]  # it is zero
            prefix = f"{mode}/{padding}/{align_corners}"
            arrays |= {f"{prefix}/{k}": v for k, v in found.items()}
    source = f"torch.nn.functional.grid_sample of PyTorch {torch.__version__}"
    np.savez_compressed(
        FILE,
        meta=json.dumps({"source": source, "computed": "in float64"}),
        **{name: array.astype("float32") for name, array in arrays.items()},
    )


if __name__ == "__main__":
    main()
