"""Which layout a set of names is in, and what is wrong with it if none fits."""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from keras_attention.checkpoints._kinds import Kind
from keras_attention.checkpoints._parts import UNUSED
from keras_attention.checkpoints._parts import Layout

Shapes = Mapping[str, tuple[int, ...]]
Source = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Reading:
    """A source, taken to be in one layout with one prefix.

    A prefix may be long, and so it is taken from the names of the source
    rather than put before each name of the layout.

    Attributes:
        title: What the layout is called.
        layout: The layout, its names without the prefix.
        prefix: What the source puts before each name of the layout.
        shapes: The shapes of the target's weights, by path.
        source: The arrays, by name.
    """

    title: str
    layout: Layout
    prefix: str
    shapes: Shapes
    source: Source

    @cached_property
    def found(self) -> dict[str, str]:
        """The names of the source that the layout has, without the prefix."""
        return {
            short: name
            for name, short in self._shortened()
            if short in self.layout
        }

    @cached_property
    def expected(self) -> dict[str, tuple[str, Kind]]:
        """The part of the layout that this target has weights for."""
        return {
            name: (path, kind)
            for name, (path, kind) in self.layout.items()
            if path in self.shapes
        }

    @cached_property
    def missing(self) -> list[str]:
        """The names that the source lacks, without the prefix."""
        return [name for name in self.expected if name not in self.found]

    @cached_property
    def unnamed(self) -> list[str]:
        """The weights of the target that the layout has no name for."""
        named = {path for path, _ in self.layout.values()}
        return [path for path in self.shapes if path not in named]

    @cached_property
    def left_over(self) -> list[tuple[str, str | None]]:
        """The names that this target has no weight for, and should have.

        Each comes with the path that the layout has for it, if any.
        """
        entries = (
            (name, None if short not in self.layout else self.layout[short][0])
            for name, short in self._shortened()
        )
        return [
            (name, path)
            for name, path in entries
            if path != UNUSED and path not in self.shapes
        ]

    @cached_property
    def misshapen(self) -> dict[str, list[tuple]]:
        """The names of the arrays of another shape, with the right ones."""
        right = {
            self.found[name]: kind.reference_shapes(self.shapes[path])
            for name, (path, kind) in self.expected.items()
            if name in self.found
        }
        return {
            name: shapes
            for name, shapes in right.items()
            if self.source[name].shape not in shapes
        }

    @property
    def fits(self) -> bool:
        """Whether the source is exactly what the target needs."""
        return not (
            self.missing or self.unnamed or self.left_over or self.misshapen
        )

    def _shortened(self) -> Iterator[tuple[str, str | None]]:
        """Yield each name of the source, and what follows the prefix."""
        start = len(self.prefix)
        for name in self.source:
            fits = name.startswith(self.prefix)
            yield name, name[start:] if fits else None


def read(
    layouts: Mapping[str, Layout], shapes: Shapes, source: Source
) -> Reading:
    """Return the best reading of a source: one that fits, if there is any."""
    readings = (
        Reading(title, layout, _prefix(layout, source), shapes, source)
        for title, layout in layouts.items()
    )
    return max(readings, key=lambda it: (it.fits, len(it.found)))


def _prefix(layout: Layout, source: Iterable[str]) -> str:
    """Return the prefix that most names of a layout have in a source.

    Of a name no more is read than its end, of the lengths in the layout.
    """
    lengths = sorted({len(name) for name in layout}, reverse=True)
    prefixes: Counter[str] = Counter()
    for name in source:
        for length in lengths:
            start = len(name) - length
            if start < 0 or (start > 0 and name[start - 1] not in "./_"):
                continue
            if name[start:] in layout:
                prefixes[name[:start]] += 1
    return max(prefixes, key=prefixes.__getitem__, default="")
