"""Errors and messages for sources that cannot be loaded."""

import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from itertools import islice
from typing import Any

from keras_attention.checkpoints._axis_order import CONVOLUTION_1D
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import kept_paths
from keras_attention.checkpoints._matching import Match
from keras_attention.checkpoints._network_names import CLASSIFIER

# The most characters of a name, and the most names, in a message.
_MAX_CHARACTERS = 400
_MAX_NAMES = 10_000

# By the argument of a target that says whether it has certain weights: the
# ends of their paths, as regular expressions, and what they are.
_OPTIONAL = {
    # The bias of a convolution stands in for the shift of a normalization.
    "use_bias": (r"(^|(?<!conv)[.])bias$", "biases"),
    "spatial_norm": (r"norm[.]gamma$", "batch normalization"),
    "use_norm": (r"norm[.]gamma$", "batch normalization"),
    "use_spatial": (r"spatial[.]conv[.]kernel$", "a spatial branch"),
    "parametric": (r"conv[.]kernel$", "convolutions"),
}


class NotNumbersError(ValueError):
    """Raised for an entry of `source` that is not an array of real numbers.

    Args:
        name: The name of the entry.
        value: A short description of the entry.
        cure: A sentence that says how to convert the entry, if that is known.
    """

    def __init__(self, name: Any, value: str, cure: str = "") -> None:
        super().__init__(
            "`source` must hold nothing but arrays of real numbers. "
            f"{cure + ' ' if cure else ''}"
            f"Received: source[{quoted(name)}]={value}"
        )


class TooManyArraysError(ValueError):
    """Raised for a `source` of more arrays than any network has.

    Args:
        source: A short description of the source.
        limit: The largest number of arrays that is accepted.
    """

    def __init__(self, source: str, limit: int) -> None:
        super().__init__(
            f"`source` must hold at most {limit} arrays. Pass the weights of "
            f"the target alone. Received: source={source}"
        )


class MismatchError(ValueError):
    """Raised for a `source` whose names or shapes are not the target's."""


def unknown_names_message(
    key_maps: Mapping[str, KeyMap], source: Iterable[str]
) -> str:
    """Return the message for a source that matches no key map at all."""
    known = "\n".join(
        f"{layout}: {first_few(key_map)}"
        for layout, key_map in key_maps.items()
    )
    return (
        "`source` must name its weights as one of these layouts does, with any "
        f"prefix. Nothing was loaded. The layouts are\n{known}\n"
        f"Received: {first_few(source) or 'no names'}"
    )


def mismatch_message(match: Match, target: Any, layouts: Iterable[str]) -> str:
    """Return the message for a source that matches a key map in part.

    Args:
        match: The best match.
        target: The target.
        layouts: The layouts of the target.
    """
    missing_keys = [
        *(quoted(match.prefix + key) for key in match.missing_keys),
        *(
            f"a key for the target's weight {path!r}"
            for path in match.unmapped_weights
        ),
    ]
    unexpected_keys = [quoted(name) for name, _ in match.unexpected_keys]
    shape_mismatches = [
        f"{quoted(name)} (found {match.source[name].shape}, "
        f"expected {' or '.join(map(str, shapes))})"
        for name, shapes in match.shape_mismatches.items()
    ]
    summary = (
        "`source` must hold all weights of the target, in their shapes, and no "
        f"others. Nothing was loaded. Compared with the layout {match.layout!r}"
        " there are"
    )
    problems = {
        "missing keys": joined(missing_keys),
        "unexpected keys": joined(unexpected_keys),
        "shape mismatch": joined(shape_mismatches),
    }
    lines = [f"{kind}: {names}" for kind, names in problems.items() if names]
    return "\n".join([summary, *lines, *_hints(match, target, layouts)])


def _hints(match: Match, target: Any, layouts: Iterable[str]) -> Iterator[str]:
    """Yield sentences that say how to make a source and a target match."""
    only_in_source = [path for _, path in match.unexpected_keys if path]
    only_in_target = match.unmapped_weights + [
        match.key_map[key][0] for key in match.missing_keys
    ]
    in_both = [
        path
        for key, (path, _) in match.expected_keys.items()
        if key in match.matched_keys
    ]
    for paths, has, value in (
        (only_in_source, "has", True),
        (only_in_target, "has no", False),
    ):
        for argument, (ending, parts) in _OPTIONAL.items():
            differs = any(re.search(ending, path) for path in paths)
            differs &= not any(re.search(ending, path) for path in in_both)
            if differs and getattr(target, argument, value) != value:
                yield (
                    f"The source {has} {parts}: set `{argument}={value}` in "
                    "the target."
                )
    for size in _kernel_sizes(match):
        yield (
            f"The kernel of the source has {size} weights: set "
            f"`kernel_size={size}` in the target."
        )
    if hasattr(target, "pool_size"):
        yield from _pooling(match)
    for units in _locator_units(match):
        locator = f"{units} hidden units" if units else "no hidden layer"
        yield (
            f"The locator of the source has {locator}: set "
            f"`locator_units={units}` in the target."
        )
    kept = kept_paths(match.key_map)
    if kept and match.unexpected_keys:
        others = [repr(it) for it in layouts if it != match.layout]
        yield (
            f"The layout {match.layout!r} has no names for "
            f"{', '.join(map(repr, kept))}, which keep their values. If the "
            "source has these weights, give them the names of another layout: "
            f"{', '.join(others)}."
        )
    classifier = match.shapes.get(f"{CLASSIFIER}.bias")
    if classifier and any(
        path == f"{CLASSIFIER}.bias"
        and match.matched_keys.get(key) in match.shape_mismatches
        for key, (path, _) in match.expected_keys.items()
    ):
        yield (
            "The classifier of the source has another number of classes. To "
            "load the other weights alone, build the target with "
            "`include_top=False`, and add a classifier of your own."
        )
    if "stem_conv1.kernel" in match.shapes:
        if match.missing_keys and match.unexpected_keys:
            yield (
                "If the source is another variant of the network, build the "
                "target with that `variant`."
            )
    elif len(match.unexpected_keys) > len(only_in_source):
        yield (
            "If the source is a larger network, pass the weights of this layer "
            "alone, or set `prefix` to the start of their names."
        )


def _pooling(match: Match) -> Iterator[str]:
    """Yield a sentence if only one of source and target pools.

    PyTorch numbers the convolution of keys or values that pooling follows:
    `g.0.weight`.
    """
    found = {name for name, _ in match.unexpected_keys}
    missing = {
        match.prefix + key
        for key in match.missing_keys
        if match.key_map[key][0].startswith(("key.", "value."))
    }
    if {name.replace(".0.", ".") for name in found} & missing:
        yield "The source pools: set `pool_size=2` in the target."
    elif {name.replace(".0.", ".") for name in missing} & found:
        yield "The source does not pool: set `pool_size=1` in the target."


def _kernel_sizes(match: Match) -> Iterator[int]:
    """Yield each size of a kernel over channels that has another size."""
    sizes: list[int] = []
    for key, (_, axis_order) in match.expected_keys.items():
        name = match.matched_keys.get(key)
        if name in match.shape_mismatches and axis_order is CONVOLUTION_1D:
            shape = match.source[name].shape
            if shape == (1, 1, *shape[2:3]):
                sizes += shape[2:]
    yield from dict.fromkeys(sizes)


def _locator_units(match: Match) -> Iterator[int]:
    """Yield the hidden units of a recurrent model's locator, if they differ."""
    name = match.matched_keys.get("locator.fc.weight")
    if name is None:
        return
    _, expected = match.shapes.get("locator_hidden.kernel", (0, 0))
    has_hidden = f"{match.prefix}locator.fc_lt.weight" in match.source
    units = sum(match.source[name].shape[:1]) if has_hidden else 0
    if units != expected:
        yield units


def quoted(name: str) -> str:
    """Return a name in quotes, without its middle if it is long."""
    if len(name) <= _MAX_CHARACTERS:
        return repr(name)
    half = _MAX_CHARACTERS // 2
    return f"{name[:half] + '...' + name[-half:]!r} ({len(name)} characters)"


def joined(names: Iterable[str], limit: int = _MAX_NAMES) -> str:
    """Return names separated by commas, and the number of further names."""
    names = list(names)
    more = len(names) - limit
    ending = [f"and {more} more"] if more > 0 else []
    return ", ".join(names[:limit] + ending)


def first_few(names: Iterable[str], limit: int = 4) -> str:
    """Return the first names as an example, separated by commas."""
    few = list(map(quoted, islice(names, limit + 1)))
    return ", ".join(few[:limit] + ["..."] * (len(few) > limit))
