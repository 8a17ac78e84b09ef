"""The layers against those of timm, where it is installed.

They are what timm has: some differ from the papers, so that numbers are not
compared here as those of the baselines are.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

from benchmarks import layers
from benchmarks import runners
from benchmarks import timing
from benchmarks.cases import LAYERS
from benchmarks.cases import QUICK
from benchmarks.cases import USUAL


def is_possible() -> bool:
    """Return whether there is something to compare with."""
    if runners.BACKEND != "torch":
        return False
    try:
        import timm.layers  # noqa: F401
    except (ImportError, RuntimeError):  # of a torchvision that does not fit
        return False
    return True


def measure(
    names: Any, *, quick: bool = False, **budget: Any
) -> Iterator[layers.Result]:
    """Time each of the layers that timm has too, channels first as there."""
    runner = runners.active()
    modules = _modules()
    for case in LAYERS:
        if case.name not in names or case.name not in modules:
            continue
        for shape in QUICK if quick else USUAL:
            first = dataclasses.replace(shape, data_format="channels_first")
            layer, arrays = case.layer(first), case.arrays(first)
            module = modules[case.name](first.channels)
            for training in (False, True):
                yield layers.Result(
                    f"{case.name} / {type(module).__name__}",
                    str(first),
                    "training" if training else "forward",
                    "eager",
                    timing.compare(
                        runner.ours(layer, arrays, training, "eager"),
                        runner.module(module, layer, arrays, training),
                        **budget,
                    ),
                )


def _modules() -> dict[str, Any]:
    """Return what makes a module for so many channels, by our name for it."""
    import timm.layers
    from timm.layers import cbam

    return {
        "SqueezeExcite": timm.layers.SEModule,
        "ChannelAttention": cbam.ChannelAttn,
        "SpatialAttention": lambda channels: cbam.SpatialAttn(),
        "CBAM": cbam.CbamModule,
        "SelectiveKernel": lambda channels: timm.layers.SelectiveKernel(
            channels, groups=32, split_input=False
        ),
    }
