"""Comparison of the layers with those of timm, if timm is installed.

Some layers of timm differ from the papers, so results are not compared.
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
    """Return whether timm is installed."""
    if runners.BACKEND != "torch":
        return False
    try:
        import timm.layers  # noqa: F401
    except (ImportError, RuntimeError):  # about an incompatible torchvision
        return False
    return True


def measure(
    names: Any, *, quick: bool = False, **budget: Any
) -> Iterator[layers.Result]:
    """Measure each layer that timm also has, channels first."""
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
    """Return, by layer name, functions from channels to a timm module."""
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
