"""Places in a model: what `where` selects, and what is said of the wrong."""

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
class Place:
    """An operation of a model, and the path of names that leads to it."""

    path: str
    operation: Any
    shape: tuple


def places(model: keras.Model) -> list[Place]:
    """Return all places in a model and in the models in it."""
    return [
        Place(f"{path}{c.operation.name}", c.operation, c.outputs[0].shape)
        for path, _, graph in _graph.networks(model)
        for c in graph.calls
    ]


def selected(among: list[Place], where: Where) -> list[Place]:
    """Return the places that `where` selects, each operation once."""
    if isinstance(where, str | re.Pattern):
        chosen = _by_pattern(among, where)
    elif _is_predicate(where):
        chosen = [
            place
            for place in among
            if isinstance(place.operation, keras.layers.Layer)
            and _is_wanted(where, place.operation)
        ]
    else:
        chosen = _by_names(among, where)
    if not chosen:
        raise ValueError(
            "`where` must select at least one layer"
            f"{_suggestion(among, where)}. Received: where={where!r}"
        )
    once: dict[int, Place] = {}
    for place in chosen:
        once.setdefault(id(place.operation), place)
    return list(once.values())


def _is_predicate(where: Any) -> bool:
    """Return whether this is a function; layers and classes are none."""
    return callable(where) and not isinstance(where, keras.Operation | type)


def _is_wanted(where, layer) -> bool:
    """Return what a function says of a layer."""
    try:
        return bool(where(layer))
    except Exception as error:  # of whoever wrote the function
        raise ValueError(
            "`where` must be a function that says of any layer of the model "
            f"whether it is meant: called with {layer.name!r} it raised "
            f"{validation.reason(error)}. Received: where={where!r}"
        ) from error


def layout_of(model: keras.Model) -> str:
    """Return the data format of the layers of a model and those in it."""
    layouts = [
        _graph.data_format(graph) for _, _, graph in _graph.networks(model)
    ]
    return max(layouts, key=layouts.count)


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


def _by_pattern(among, where):
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
    of_path = "/" in pattern.pattern
    return [
        place
        for place in among
        if isinstance(place.operation, keras.layers.Layer)
        and pattern.fullmatch(place.path if of_path else place.operation.name)
    ]


def _by_names(among, where):
    if not isinstance(where, Collection) or not all(
        isinstance(name, str) for name in where
    ):
        raise ValueError(
            "`where` must be a regular expression, a list of names or a "
            f"function of a layer. Received: where={where!r}"
        )
    names = set(where)
    known = {p.path for p in among} | {p.operation.name for p in among}
    if unknown := sorted(names - known):
        raise ValueError(
            "`where` must name layers of the model, and there is no "
            f"{', '.join(map(repr, unknown))}{_suggestion(among, unknown)}. "
            f"Received: where={where!r}"
        )
    return [p for p in among if {p.path, p.operation.name} & names]


def _suggestion(among, where):
    """Return names like those that were asked for, or else the last few."""
    if callable(where):
        among = [
            p for p in among if isinstance(p.operation, keras.layers.Layer)
        ]
    known = list(dict.fromkeys(place.path for place in among))
    if isinstance(where, str | re.Pattern):
        where = [getattr(where, "pattern", where)]
    elif callable(where):
        where = [""]  # which is like no name
    if not where:
        return ""
    close = [
        name
        for wrong in where
        for name in difflib.get_close_matches(wrong, known, cutoff=0.5)
    ]
    names = ", ".join(map(repr, dict.fromkeys(close or known[-5:])))
    return f" (did you mean {names}?)" if close else f" (among {names} ...)"
