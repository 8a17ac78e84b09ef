"""Benchmarks of the layers on the active backend.

    KERAS_BACKEND=jax python -m benchmarks
    KERAS_BACKEND=jax python -m benchmarks --parts layers --only CBAM

Prints a line per comparison. Below 1, the layer is faster than its baseline.
With `--out` the results are written as JSON, as a table and as a plot. With
`--update` the files keep the results that are not measured again. On PyTorch,
`--torch-compile` also compares compiled layers with compiled baselines. With
other work on the machine, one thread and `BENCHMARK_CLOCK=processor` give
steadier ratios.
"""

import argparse
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from benchmarks import compilation
from benchmarks import growth
from benchmarks import layers
from benchmarks import memory
from benchmarks import network
from benchmarks import report
from benchmarks import samplers
from benchmarks import startup
from benchmarks import timm
from benchmarks.cases import LAYERS
from benchmarks.cases import QUICK
from benchmarks.cases import UNUSUAL
from benchmarks.cases import USUAL
from benchmarks.cases import Case

PARTS = (
    "layers",
    "timm",
    "samplers",
    "network",
    "memory",
    "compilation",
    "growth",
    "startup",
)


def main() -> None:
    """Run the benchmarks that the command line selects."""
    options = _options()
    cases = [case for case in LAYERS if case.name in options.only]
    budget = {"budget": options.budget, "turns": options.turns}
    if options.quick:
        budget = {"budget": 0, "turns": 3, "turn": 0}
    shapes = [
        shape for shape in USUAL + UNUSUAL if str(shape) in options.shapes
    ]
    if options.quick:
        shapes = list(QUICK)
    measures = {
        "layers": lambda: (
            result
            for case in cases
            for shape in shapes
            for result in layers.measure(
                case,
                shape,
                eager=not options.compiled,
                optional_ways=options.torch_compile,
                **budget,
            )
        ),
        "timm": lambda: _timm(options.only, quick=options.quick, **budget),
        "samplers": lambda: samplers.measure(quick=options.quick, **budget),
        "network": lambda: network.measure(
            options.only, quick=options.quick, **budget
        ),
        "memory": lambda: (
            memory.measure(case, quick=options.quick) for case in cases
        ),
        "compilation": lambda: _compilation(cases, quick=options.quick),
        "growth": lambda: (
            curve
            for case in cases
            for curve in growth.measure(case, quick=options.quick)
        ),
        "startup": lambda: [startup.measure(1 if options.quick else 5)],
    }
    earlier = report.read(options.out) if options.update else {}
    found: dict[str, list[Any]] = {}
    for part in options.parts:
        found[part] = []
        try:
            for result in measures[part]():
                print(_line(result), flush=True)
                found[part].append(result)
        finally:  # results of half an hour must not be lost
            if options.out:
                report.write(options.out, report.merge(earlier, found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.partition("\n")[0]
    )
    names = [case.name for case in LAYERS]
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, help="layers"
    )
    shapes = list(map(str, USUAL + UNUSUAL))
    parser.add_argument(
        "--shapes",
        nargs="+",
        choices=shapes,
        default=shapes,
        help="shapes of the comparison of layers",
    )
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="comparisons"
    )
    parser.add_argument(
        "--budget", type=float, default=2.0, help="seconds of a comparison"
    )
    parser.add_argument(
        "--turns", type=int, default=15, help="least turns of a comparison"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="small shapes, three turns, none of them eager",
    )
    parser.add_argument(
        "--compiled",
        action="store_true",
        help="nothing eager, where there is a compiler; as --quick does",
    )
    parser.add_argument(
        "--torch-compile",
        action="store_true",
        help="compare layers also by torch.compile, on PyTorch",
    )
    parser.add_argument("--out", type=Path, help="folder of what is written")
    parser.add_argument(
        "--update",
        action="store_true",
        help="keep what the files in --out have and this run does not measure",
    )
    options = parser.parse_args()
    if options.update and not options.out:
        parser.error("--update needs --out")
    if options.torch_compile and keras.config.backend() != "torch":
        parser.error("--torch-compile needs KERAS_BACKEND=torch")
    options.compiled |= options.quick
    return options


def _line(result: Any) -> str:
    """Return a line that describes a result."""
    words = []
    for name, value in zip(result._fields, result, strict=True):
        if name == "ratio":
            words.append(
                f"{value.median:5.2f} ({value.low:.2f} to {value.high:.2f}) "
                f"{1e3 * value.seconds:8.2f} ms"
            )
        else:
            words.append(f"{value!s:<{22 if name == 'shape' else 10}}")
    return "  ".join(words)


def _compilation(
    cases: Iterable[Case], *, quick: bool
) -> Iterator[compilation.Compilation]:
    for case in cases:
        yield compilation.measure(case, quick=quick)
    if not quick:
        yield from compilation.measure_networks()


def _timm(names: Iterable[str], **settings: Any) -> Iterator[layers.Result]:
    if not timm.is_possible():
        print("Skipped timm: it needs PyTorch, timm and torchvision.")
        return
    yield from timm.measure(names, **settings)


if __name__ == "__main__":
    main()
