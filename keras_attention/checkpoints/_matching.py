"""Comparing the names and shapes of a source with key maps."""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from keras_attention.checkpoints._axis_order import AxisOrder
from keras_attention.checkpoints._key_map import IGNORED
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import kept_paths

Shapes = Mapping[str, tuple[int, ...]]
Source = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Match:
    """The result of comparing a source with one key map and one prefix.

    A prefix may be long. So it is removed from the names of the source, and not
    added to each name of the key map.

    Attributes:
        layout: The identifier of the layout.
        key_map: The key map of the layout, its names without the prefix.
        prefix: The prefix of the names in the source.
        shapes: The shapes of the target's weights, by path.
        source: The arrays, by name.
    """

    layout: str
    key_map: KeyMap
    prefix: str
    shapes: Shapes
    source: Source

    @cached_property
    def matched_keys(self) -> dict[str, str]:
        """The names of the source by the names in the key map."""
        return {key: name for name, key in self._keys() if key in self.key_map}

    @cached_property
    def expected_keys(self) -> dict[str, tuple[str, AxisOrder]]:
        """The entries of the key map for which the target has a weight."""
        return {
            key: (path, axis_order)
            for key, (path, axis_order) in self.key_map.items()
            if path in self.shapes
        }

    @cached_property
    def missing_keys(self) -> list[str]:
        """The expected names that are not in the source."""
        return [
            key
            for key, (_, axis_order) in self.expected_keys.items()
            if key not in self.matched_keys and not axis_order.folded_into
        ]

    @cached_property
    def unmapped_weights(self) -> list[str]:
        """The paths of the target's weights that are not in the key map.

        Those that keep their values are not among them.
        """
        mapped = {path for path, _ in self.key_map.values()}
        mapped.update(kept_paths(self.key_map))
        return [path for path in self.shapes if path not in mapped]

    @cached_property
    def unexpected_keys(self) -> list[tuple[str, str | None]]:
        """The names of the source for which the target has no weight.

        Each comes with its path in the key map, or `None` if it is not there.
        """
        entries = (
            (name, self.key_map[key][0] if key in self.key_map else None)
            for name, key in self._keys()
        )
        return [
            (name, path)
            for name, path in entries
            if path != IGNORED and path not in self.shapes
        ]

    @cached_property
    def shape_mismatches(self) -> dict[str, list[tuple]]:
        """The names of the arrays of wrong shapes, with the accepted shapes."""
        accepted = {
            self.matched_keys[key]: axis_order.published_shapes(
                self.shapes[path]
            )
            for key, (path, axis_order) in self.expected_keys.items()
            if key in self.matched_keys
        }
        return {
            name: shapes
            for name, shapes in accepted.items()
            if self.source[name].shape not in shapes
        }

    @property
    def is_exact(self) -> bool:
        """Whether the source has exactly the weights of the target."""
        return not (
            self.missing_keys
            or self.unmapped_weights
            or self.unexpected_keys
            or self.shape_mismatches
        )

    def _keys(self) -> Iterator[tuple[str, str]]:
        """Yield each name of the source, with and without the prefix.

        The second is empty for a name that has another prefix.
        """
        start = len(self.prefix)
        for name in self.source:
            has_prefix = name.startswith(self.prefix)
            yield name, name[start:] if has_prefix else ""


def best_match(
    key_maps: Mapping[str, KeyMap], shapes: Shapes, source: Source
) -> Match:
    """Return the exact match, or the one with the most matched names.

    Of matches with the same number of names, the one that lacks the fewest
    weights of the target is returned.

    Args:
        key_maps: The key maps of the target, by layout.
        shapes: The shapes of the target's weights, by path.
        source: The arrays, by name.
    """
    matches = (
        Match(layout, key_map, _prefix(key_map, source), shapes, source)
        for layout, key_map in key_maps.items()
    )

    def rank(match):
        lacking = len(match.missing_keys) + len(match.unmapped_weights)
        return match.is_exact, len(match.matched_keys), -lacking

    return max(matches, key=rank)


def _prefix(key_map: KeyMap, source: Iterable[str]) -> str:
    """Return the prefix for which most names of a source are in a key map.

    Only the end of a name is compared, for each length of names in the key map,
    so that the time is linear in the number of names.
    """
    lengths = sorted({len(key) for key in key_map}, reverse=True)
    prefixes: Counter[str] = Counter()
    for name in source:
        for length in lengths:
            start = len(name) - length
            if start < 0 or (start > 0 and name[start - 1] not in "./_"):
                continue
            if name[start:] in key_map:
                prefixes[name[:start]] += 1
    return max(prefixes, key=prefixes.__getitem__, default="")
