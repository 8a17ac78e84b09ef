"""The work of matching names grows linearly with their number."""

import collections

import numpy as np
import pytest

from keras_attention.checkpoints import _errors
from keras_attention.checkpoints import _matching
from keras_attention.checkpoints._axis_order import LINEAR


class CountingStr(str):
    """A name that counts how often it is compared with another."""

    __slots__ = ("work",)

    def __new__(cls, value, work):
        self = super().__new__(cls, value)
        self.work = work
        return self

    def __eq__(self, other):
        self.work["comparisons"] += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


class CountingDict(dict):
    """A dictionary that counts look-ups and the entries that are visited."""

    def __init__(self, entries, work):
        super().__init__(
            {CountingStr(name, work): entries[name] for name in entries}
        )
        self.work = work

    def __getitem__(self, name):
        self.work["look-ups"] += 1
        return super().__getitem__(name)

    def __contains__(self, name):
        self.work["look-ups"] += 1
        return super().__contains__(name)

    def __iter__(self):
        for name in super().__iter__():
            self.work["visits"] += 1
            yield name

    def items(self):
        return ((name, dict.__getitem__(self, name)) for name in self)

    def values(self):
        return (dict.__getitem__(self, name) for name in self)


def count_work(names, kept):
    """Return the work of matching a source, and of reporting mismatches.

    Args:
        names: The number of names in the key map.
        kept: The share of them that is in the source. The others are unexpected
            names.
    """
    work = collections.Counter()
    indices = [f"{index:05}" for index in range(names)]
    key_map = {f"{it}.weight": (f"{it}.kernel", LINEAR) for it in indices}
    shapes = {f"{it}.kernel": (3, 2) for it in indices}
    source = {
        f"module.{it}.{'weight' if index < kept * names else 'scale'}": np.ones(
            (2, 3)
        )
        for index, it in enumerate(indices)
    }
    key_map, shapes, source = (
        CountingDict(entries, work) for entries in (key_map, shapes, source)
    )
    match = _matching.best_match({"official": key_map}, shapes, source)
    assert match.is_exact == (kept == 1)
    _errors.mismatch_message(match, None, [])
    return work


@pytest.mark.parametrize("kept", [1, 0.5])
def test_work_grows_linearly_with_the_number_of_names(kept):
    small, large = (count_work(names, kept) for names in (200, 400))
    assert small["look-ups"] > 200
    assert small["visits"] > 200
    for kind in small:
        assert large[kind] <= 2.1 * small[kind]
