"""Selection of insertion points by `where`."""

from __future__ import annotations

import dataclasses
import difflib
import operator
import re
from collections.abc import Callable
from collections.abc import Collection
from typing import Any

import keras

from keras_attention._utils import validation
from keras_attention.surgery import _graph

Where = str | re.Pattern | Collection[str] | Callable[[Any], bool]


@dataclasses.dataclass(frozen=True)
class InsertionPoint:
    """A possible insertion point, which is the output of an operation.

    Attributes:
        path: Names of the models around the operation, and its own name,
            joined by `"/"`.
        operation: The operation.
        shape: Shape of its first output.
    """

    path: str
    operation: Any
    shape: tuple


def insertion_points(model: keras.Model) -> list[InsertionPoint]:
    """Return all insertion points in a model and in the models inside it."""
    return [
        InsertionPoint(
            f"{path}{c.operation.name}", c.operation, c.outputs[0].shape
        )
        for path, _, graph in _graph.networks(model)
        for c in graph.calls
    ]


def select(
    candidates: list[InsertionPoint], where: Where
) -> list[InsertionPoint]:
    """Return the selected insertion points, one per operation."""
    if isinstance(where, str | re.Pattern):
        chosen = _by_pattern(candidates, where)
    elif _is_predicate(where):
        chosen = [
            point
            for point in candidates
            if isinstance(point.operation, keras.layers.Layer)
            and _is_accepted(where, point.operation)
        ]
    else:
        chosen = _by_names(candidates, where)
    if not chosen:
        raise ValueError(
            "`where` must select at least one layer"
            f"{_suggestion(candidates, where)}. Received: where={where!r}"
        )
    unique: dict[int, InsertionPoint] = {}
    for point in chosen:
        unique.setdefault(id(point.operation), point)
    return list(unique.values())


def _is_predicate(where: Any) -> bool:
    """Return whether `where` is a function, not a layer or a class."""
    return callable(where) and not isinstance(where, keras.Operation | type)


def _is_accepted(where, layer) -> bool:
    """Return whether a function accepts a layer."""
    try:
        return bool(where(layer))
    except Exception as error:  # The function is the user's.
        raise ValueError(
            "`where` must be a function that returns True or False for any "
            f"layer of the model: called with {layer.name!r} it raised "
            f"{validation.reason(error)}. Received: where={where!r}"
        ) from error


def data_format_of(model: keras.Model) -> str:
    """Return the data format of most graphs in a model."""
    formats = [
        _graph.data_format(graph) for _, _, graph in _graph.networks(model)
    ]
    return max(formats, key=formats.count)


def verbosity(verbose: int) -> int:
    """Return `verbose`, which must be 0 or 1."""
    try:
        number = operator.index(verbose)
    except TypeError:
        number = -1
    if number not in (0, 1):
        raise ValueError(
            f"`verbose` must be 0 or 1. Received: verbose={verbose!r}"
        )
    return number


def _by_pattern(candidates, where):
    try:
        pattern = re.compile(where)
    except re.error as error:
        raise ValueError(
            f"`where` must be a regular expression ({error}). "
            f"Received: where={where!r}"
        ) from error
    if isinstance(pattern.pattern, bytes):
        raise ValueError(
            "`where` must be a pattern of text, not bytes. "
            f"Received: where={where!r}"
        )
    matches_path = "/" in pattern.pattern
    return [
        point
        for point in candidates
        if isinstance(point.operation, keras.layers.Layer)
        and pattern.fullmatch(
            point.path if matches_path else point.operation.name
        )
    ]


def _by_names(candidates, where):
    if not isinstance(where, Collection) or not all(
        isinstance(name, str) for name in where
    ):
        raise ValueError(
            "`where` must be a regular expression, a list of names or a "
            f"function of a layer. Received: where={where!r}"
        )
    names = set(where)
    known = {p.path for p in candidates}
    known |= {p.operation.name for p in candidates}
    if unknown := sorted(names - known):
        raise ValueError(
            "`where` must name layers of the model, and there is no "
            f"{', '.join(map(repr, unknown))}"
            f"{_suggestion(candidates, unknown)}. Received: where={where!r}"
        )
    return [p for p in candidates if {p.path, p.operation.name} & names]


def _suggestion(candidates, where):
    """Return a hint with similar names or, if there are none, the last few."""
    if callable(where):
        candidates = [
            p for p in candidates if isinstance(p.operation, keras.layers.Layer)
        ]
    known = list(dict.fromkeys(point.path for point in candidates))
    if isinstance(where, str | re.Pattern):
        where = [getattr(where, "pattern", where)]
    elif callable(where):
        where = [""]  # which is similar to no name
    if not where:
        return ""
    similar = [
        name
        for wrong in where
        for name in difflib.get_close_matches(wrong, known, cutoff=0.5)
    ]
    names = ", ".join(map(repr, dict.fromkeys(similar or known[-5:])))
    return f" (did you mean {names}?)" if similar else f" (among {names} ...)"
