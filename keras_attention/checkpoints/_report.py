"""What to say of a source that does not fit."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from itertools import islice
from typing import Any

from keras_attention.checkpoints._matching import Reading
from keras_attention.checkpoints._parts import Layout

# How many letters of a name, and how many names, a message may have.
_LETTERS = 400
_NAMES = 10_000

# By how the path of a weight ends that only one side has.
_ONLY_IN_SOURCE = {
    "squeeze.bias": "For a source with biases make the target with "
    "`use_bias=True`.",
    "norm.gamma": "For a source with a batch norm make the target with one: "
    "`CBAM(spatial_norm=True)`, `SpatialAttention(use_norm=True)`.",
}
_ONLY_IN_TARGET = {
    "squeeze.bias": "For a source without biases make the target with "
    "`use_bias=False`.",
    "norm.gamma": "For a source without a batch norm make the target without: "
    "`CBAM(spatial_norm=False)`, `SpatialAttention(use_norm=False)`.",
}


class NotNumbersError(ValueError):
    """Raised for an entry of `source` that is no array of real numbers.

    Args:
        name: The name of the entry.
        value: What the entry is, as the message shows it.
        cure: A sentence that says how to convert the entry, if that is known.
    """

    def __init__(self, name: Any, value: str, cure: str = "") -> None:
        super().__init__(
            "`source` must hold nothing but arrays of real numbers. "
            f"{cure + ' ' if cure else ''}"
            f"Received: source[{quoted(name)}]={value}"
        )


class TooManyArraysError(ValueError):
    """Raised for a `source` of more arrays than a network has.

    Args:
        source: The source, as the message shows it.
        limit: How many arrays there may be.
    """

    def __init__(self, source: str, limit: int) -> None:
        super().__init__(
            f"`source` must hold at most {limit} arrays. Pass the weights of "
            f"the target alone. Received: source={source}"
        )


def unlike(layouts: Mapping[str, Layout], source: Iterable[str]) -> str:
    """Return what to say of names that no layout has."""
    known = "\n".join(
        f"{title}: {_some(layout)}" for title, layout in layouts.items()
    )
    return (
        "`source` must name its weights as one of these layouts does, with any "
        f"prefix. Nothing was loaded. The layouts are\n{known}\n"
        f"Received: {_some(source) or 'no names'}"
    )


def unfit(reading: Reading) -> str:
    """Return what is wrong with names that a layout has."""
    missing = [
        *(quoted(reading.prefix + name) for name in reading.missing),
        *(f"any name for the target's {path!r}" for path in reading.unnamed),
    ]
    left_over = [quoted(name) for name, _ in reading.left_over]
    misshapen = [
        f"{quoted(name)} (found {reading.source[name].shape}, "
        f"expected {' or '.join(map(str, shapes))})"
        for name, shapes in reading.misshapen.items()
    ]
    summary = (
        "`source` must hold all weights of the target, in their shapes, and no "
        f"others. Nothing was loaded. In the layout {reading.title!r} these are"
    )
    faults = {
        "missing": listed(missing),
        "left over": listed(left_over),
        "of another shape": listed(misshapen),
    }
    lines = [f"{fault}: {names}" for fault, names in faults.items() if names]
    return "\n".join([summary, *lines, *_hints(reading)])


def _hints(reading: Reading) -> Iterator[str]:
    only_in_source = [path for _, path in reading.left_over if path]
    only_in_target = reading.unnamed + [
        reading.layout[name][0] for name in reading.missing
    ]
    for paths, hints in (
        (only_in_source, _ONLY_IN_SOURCE),
        (only_in_target, _ONLY_IN_TARGET),
    ):
        for ending, hint in hints.items():
            if any(path.endswith(ending) for path in paths):
                yield hint
    if "stem_conv1.kernel" in reading.shapes:
        if reading.missing and reading.left_over:
            yield (
                "For the weights of another variant of a network make the "
                "target with that `variant`."
            )
    elif len(reading.left_over) > len(only_in_source):
        yield "Of a larger network's weights, pass those of this layer alone."


def quoted(name: str) -> str:
    """Return a name in quotes, without its middle where it is long."""
    if len(name) <= _LETTERS:
        return repr(name)
    half = _LETTERS // 2
    return f"{name[:half] + '...' + name[-half:]!r} ({len(name)} letters)"


def listed(names: Iterable[str], limit: int = _NAMES) -> str:
    """Return names in a row, and how many more there are than the limit."""
    names = list(names)
    more = len(names) - limit
    ending = [f"and {more} more"] if more > 0 else []
    return ", ".join(names[:limit] + ending)


def _some(names: Iterable[str], limit: int = 4) -> str:
    """Return the first few names, for an example."""
    few = list(map(quoted, islice(names, limit + 1)))
    return ", ".join(few[:limit] + ["..."] * (len(few) > limit))
