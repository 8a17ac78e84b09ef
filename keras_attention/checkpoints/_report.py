"""What to say of a source that does not fit."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping

from keras_attention.checkpoints._matching import Reading
from keras_attention.checkpoints._parts import Layout

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


def unlike(layouts: Mapping[str, Layout], source: Iterable[str]) -> str:
    """Return what to say of names that no layout has."""
    known = "\n".join(
        f"{title}: {_some(layout)}" for title, layout in layouts.items()
    )
    return (
        "`source` must name its weights as a known reference does, with any "
        f"prefix. Nothing was loaded. Tried the names of\n{known}\n"
        f"Received: {_some(source) or 'no names'}"
    )


def unfit(reading: Reading) -> str:
    """Return what is wrong with names that a layout has."""
    missing = [
        *map(repr, reading.missing),
        *(f"any name for the target's {path!r}" for path in reading.unnamed),
    ]
    left_over = map(repr, reading.left_over)
    misshapen = (
        f"{name!r} (found {reading.source[name].shape}, "
        f"expected {' or '.join(map(str, shapes))})"
        for name, shapes in reading.misshapen.items()
    )
    summary = (
        "`source` must hold all weights of the target, in their shapes, and no "
        f"others. Nothing was loaded. By the names of {reading.title} these are"
    )
    faults = {
        "missing": ", ".join(missing),
        "left over": ", ".join(left_over),
        "of another shape": ", ".join(misshapen),
    }
    lines = [f"{fault}: {names}" for fault, names in faults.items() if names]
    return "\n".join([summary, *lines, *_hints(reading)])


def _hints(reading: Reading) -> Iterator[str]:
    only_in_source = [
        reading.layout[name][0]
        for name in reading.left_over
        if name in reading.layout
    ]
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


def _some(names: Iterable[str], limit: int = 4) -> str:
    """Return the first few names, for an example."""
    quoted = list(map(repr, names))
    return ", ".join(quoted[:limit] + ["..."] * (len(quoted) > limit))
