"""Which layout a set of names is in, and what is wrong with it if none fits."""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from keras_attention.checkpoints._kinds import Kind
from keras_attention.checkpoints._parts import UNUSED
from keras_attention.checkpoints._parts import Layout

Shapes = Mapping[str, tuple[int, ...]]
Source = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Reading:
    """A source, taken to be in one layout with one prefix.

    Attributes:
        title: What the layout is called.
        layout: The layout, its names with the prefix.
        shapes: The shapes of the target's weights, by path.
        source: The arrays, by name.
    """

    title: str
    layout: Layout
    shapes: Shapes
    source: Source

    @property
    def known(self) -> list[str]:
        """The names of the source that the layout has."""
        return [name for name in self.source if name in self.layout]

    @property
    def expected(self) -> dict[str, tuple[str, Kind]]:
        """The part of the layout that this target has weights for."""
        return {
            name: (path, kind)
            for name, (path, kind) in self.layout.items()
            if path in self.shapes
        }

    @property
    def missing(self) -> list[str]:
        """The names that the source lacks."""
        return [name for name in self.expected if name not in self.source]

    @property
    def unnamed(self) -> list[str]:
        """The weights of the target that the layout has no name for."""
        named = {path for path, _ in self.layout.values()}
        return [path for path in self.shapes if path not in named]

    @property
    def left_over(self) -> list[str]:
        """The names that this target has no weight for, and should have."""
        unused = {n for n, (path, _) in self.layout.items() if path == UNUSED}
        return [
            name
            for name in self.source
            if name not in self.expected and name not in unused
        ]

    @property
    def misshapen(self) -> dict[str, list[tuple]]:
        """The names of the arrays of another shape, with the right ones."""
        right = {
            name: kind.reference_shapes(self.shapes[path])
            for name, (path, kind) in self.expected.items()
        }
        return {
            name: shapes
            for name, shapes in right.items()
            if name in self.source and self.source[name].shape not in shapes
        }

    @property
    def not_finite(self) -> list[str]:
        """The names of what fits but holds values that are no numbers."""
        return [
            name
            for name in self.expected
            if not np.isfinite(self.source[name]).all()
        ]

    @property
    def fits(self) -> bool:
        """Whether the source is exactly what the target needs."""
        return not (
            self.missing or self.unnamed or self.left_over or self.misshapen
        )

    def weights(self) -> dict[str, np.ndarray]:
        """Return what fits as Keras lays it out, by path."""
        parts: dict[str, list[np.ndarray]] = {}
        for name, (path, kind) in self.expected.items():
            array = kind.to_keras(self.source[name])
            parts.setdefault(path, []).append(array)
        return {
            path: np.concatenate(arrays, axis=-1)
            for path, arrays in parts.items()
        }


def read(
    layouts: Mapping[str, Layout], shapes: Shapes, source: Source
) -> Reading:
    """Return the best reading of a source: one that fits, if there is any."""
    readings = (
        Reading(title, _prefixed(layout, source), shapes, source)
        for title, layout in layouts.items()
    )
    return max(readings, key=lambda it: (it.fits, len(it.known)))


def _prefixed(layout: Layout, source: Iterable[str]) -> Layout:
    """Return the layout with the prefix that most of its names have."""
    prefixes = Counter(
        name[:start]
        for name in source
        for start in range(len(name))
        if (start == 0 or name[start - 1] in "./_") and name[start:] in layout
    )
    prefix = max(prefixes, key=prefixes.__getitem__, default="")
    return {prefix + name: entry for name, entry in layout.items()}
