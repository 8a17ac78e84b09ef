"""Comparison of the sampler with those of the backends and of Keras."""

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmarks import baselines
from benchmarks import layers
from benchmarks import runners
from benchmarks import timing
from benchmarks.baselines.grid_sample import NAMES
from benchmarks.cases import PIXELS
from benchmarks.cases import QUICK
from benchmarks.cases import USUAL
from keras_attention.ops import grid_sample


def measure(*, quick: bool = False, **budget: Any) -> Iterator[layers.Result]:
    """Compare the results of each other sampler with ours, then the times.

    Maps have the shapes of the layers, channels last. They are sampled
    bilinearly at as many locations, some of them outside.
    """
    runner = runners.active()
    others = {"keras.ops.image.map_coordinates": _keras}
    if runners.BACKEND in NAMES:
        others[NAMES[runners.BACKEND]] = baselines.find("grid_sample")
    for shape in QUICK if quick else USUAL:
        rng = np.random.default_rng(0)
        size = (shape.batch, shape.height, shape.width, 2)
        arrays = [
            rng.normal(size=shape.tensor).astype("float32"),
            rng.uniform(-1.1, 1.1, size=size).astype("float32"),
        ]
        for name, other in others.items():
            for training in (False, True):
                sides = {
                    way: [
                        runner.ours(_Calls(f), arrays, training, way)
                        for f in (_ours, other)
                    ]
                    # Eager execution is not measured on JAX and TensorFlow.
                    for way in runner.WAYS[1:] or runner.WAYS
                }
                layers.check(*next(iter(sides.values())), stray=PIXELS)
                mine, theirs = (
                    sides[
                        timing.fastest({way: sides[way][i] for way in sides})
                    ][i]
                    for i in (0, 1)
                )
                yield layers.Result(
                    f"grid_sample / {name}",
                    str(shape),
                    "training" if training else "forward",
                    "compiled" if runner.WAYS[1:] else "eager",
                    timing.compare(mine, theirs, **budget),
                )


class _Calls(keras.layers.Layer):
    """A sampler as a layer, for the runners."""

    def __init__(self, function: Callable) -> None:
        super().__init__(name=function.__name__.strip("_"))
        self.built = True
        self.function = function

    def call(self, maps, grid):
        return self.function(maps, grid)

    def compute_output_shape(self, maps_shape, grid_shape):
        return (*grid_shape[:3], maps_shape[3])


def _ours(maps, grid):
    return grid_sample(maps, grid, data_format="channels_last")


def _pixels(maps, grid):
    """Return rows and columns in pixels, (batch, 2, height, width)."""
    _, height, width, _ = maps.shape
    rows = (grid[..., 1] + 1) / 2 * (height - 1)
    columns = (grid[..., 0] + 1) / 2 * (width - 1)
    return ops.stack([rows, columns], 1)


def _keras(maps, grid):
    """Sampler of Keras for one sample, with channels as the third axis."""
    batch, height, width, channels = maps.shape
    shape = (batch, 2, height, width, channels)
    pixels = ops.broadcast_to(_pixels(maps, grid)[..., None], shape)
    of_channels = ops.broadcast_to(
        ops.arange(channels, dtype=grid.dtype), (1, *shape[2:])
    )
    return ops.stack(
        [
            ops.image.map_coordinates(
                maps[i], ops.concatenate([pixels[i], of_channels]), order=1
            )
            for i in range(batch)
        ]
    )
