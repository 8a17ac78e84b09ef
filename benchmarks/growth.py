"""Growth of the time of a training step with positions, channels and batch."""

import dataclasses
import math
import statistics
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks import runners
from benchmarks import timing
from benchmarks.cases import Case
from benchmarks.cases import Shape

_MIDDLE = Shape(4, 28, 28, 64)
SERIES = {
    "positions": [
        dataclasses.replace(_MIDDLE, height=side, width=side)
        for side in (14, 28, 56, 112)
    ],
    "channels": [
        dataclasses.replace(_MIDDLE, channels=channels)
        for channels in (32, 64, 128, 256)
    ],
    "batch": [
        dataclasses.replace(_MIDDLE, batch=batch)
        for batch in (1, 4, 16, 64, 192)
    ],
}


class Curve(NamedTuple):
    """Seconds of a training step for several sizes."""

    layer: str
    what: str
    sizes: list[int]
    seconds: list[float]

    @property
    def exponent(self) -> float:
        """Exponent of the growth in the last part of the curve.

        In the first part the overhead of a call dominates.
        """
        sizes, seconds = self.sizes[-2:], self.seconds[-2:]
        return math.log(seconds[1] / seconds[0]) / math.log(sizes[1] / sizes[0])


def measure(
    case: Case, repeats: int = 7, *, quick: bool = False
) -> Iterator[Curve]:
    """Time a layer along each series, or if `quick` its first two shapes."""
    runner = runners.active()
    for what, series in SERIES.items():
        shapes = series[:2] if quick else series
        steps = [
            runner.ours(
                case.layer(shape), case.arrays(shape), True, runner.WAYS[:2][-1]
            )
            for shape in shapes
        ]
        for step in steps:
            timing.seconds(step, 2)
        # Measured in turns, so that other load of the machine affects all
        # sizes.
        rounds = [
            [timing.seconds(step) for step in steps] for _ in range(repeats)
        ]
        yield Curve(
            case.name,
            what,
            [_size(shape, what) for shape in shapes],
            [statistics.median(times) for times in zip(*rounds, strict=True)],
        )


def _size(shape: Shape, what: str) -> int:
    if what == "positions":
        return shape.height * shape.width
    return getattr(shape, what)
