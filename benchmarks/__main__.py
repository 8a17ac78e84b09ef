"""Measures the layers on the active backend.

    KERAS_BACKEND=jax python -m benchmarks
    KERAS_BACKEND=jax python -m benchmarks --only CBAM GatedChannelTransform

Prints a line a comparison: below 1, the layer is faster than its peer.
"""

import argparse

from benchmarks import layers
from benchmarks.cases import LAYERS
from benchmarks.cases import QUICK
from benchmarks.cases import UNUSUAL
from benchmarks.cases import USUAL


def main() -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    names = [case.name for case in LAYERS]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--unusual", action="store_true")
    parser.add_argument("--budget", type=float, default=2.0)
    options = parser.parse_args()
    shapes = QUICK if options.quick else USUAL
    if options.unusual:
        shapes = UNUSUAL
    for case in LAYERS:
        if case.name not in options.only:
            continue
        for shape in shapes:
            for result in layers.measure(case, shape, budget=options.budget):
                ratio = result.ratio
                print(
                    f"{result.layer:34} {result.shape:22} {result.pass_:9} "
                    f"{result.way:9} {ratio.median:5.2f} "
                    f"({ratio.low:.2f} to {ratio.high:.2f})  "
                    f"{1e3 * ratio.seconds:8.2f} ms",
                    flush=True,
                )


if __name__ == "__main__":
    main()
