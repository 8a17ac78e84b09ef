"""How much memory a training step takes, in processes of their own.

    KERAS_BACKEND=jax python -m benchmarks.memory CBAM ours 8

prints by how many bytes the process grew at most, from what it held before the
first step. That includes what compilers take, and what is never given back: how
much *more* it is for more samples is what a sample takes. Linux only, as
nothing else tells the peak since a given moment.
"""

import argparse
import dataclasses
import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

_BATCHES = (8, 40)
_QUICK_BATCHES = (1, 2)
_PROCESS = Path("/proc/self")


class Peak(NamedTuple):
    """Bytes that a training step takes for each sample of 56 x 56 x 64."""

    layer: str
    ours: float
    baseline: float


def compare(layer: str, *, quick: bool = False) -> Peak:
    """Return what a training step of each side takes."""
    batches = _QUICK_BATCHES if quick else _BATCHES
    return Peak(
        layer,
        _a_sample(layer, "ours", batches),
        _a_sample(layer, "baseline", batches),
    )


def _a_sample(layer: str, side: str, batches: tuple[int, int]) -> float:
    """Return the bytes that one more sample takes."""
    few, many = (_in_process(layer, side, batch) for batch in batches)
    return (many - few) / (batches[1] - batches[0])


def _in_process(layer: str, side: str, batch: int) -> int:
    """Return what the process that this file is says of one side."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", layer, side, str(batch)],
        # Maps are then given back when they are not needed, whatever lies
        # behind them: two runs are alike.
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"},
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout.split()[-1])


def is_possible() -> bool:
    """Return whether the system tells what is needed."""
    return (_PROCESS / "clear_refs").exists()


def main() -> None:
    """Print the bytes of what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory")
    parser.add_argument("layer")
    parser.add_argument("side", choices=["ours", "baseline"])
    parser.add_argument("batch", type=int)
    options = parser.parse_args()
    print(_measure(options.layer, options.side, options.batch))


def _measure(name: str, side: str, batch: int) -> int:
    # Here, so that the parent process needs no backend.
    from benchmarks import baselines
    from benchmarks import runners
    from benchmarks.cases import LAYERS
    from benchmarks.cases import USUAL

    case = next(case for case in LAYERS if case.name == name)
    shape = dataclasses.replace(USUAL[0], batch=batch)
    layer, arrays, runner = (
        case.layer(shape),
        case.arrays(shape),
        runners.active(),
    )
    way = runner.WAYS[:2][-1]
    if side == "ours":
        step = runner.ours(layer, arrays, True, way)
    else:
        step = runner.baseline(
            baselines.find(case.baseline), layer, arrays, True, way
        )
    gc.collect()
    (_PROCESS / "clear_refs").write_text("5")
    before = _status("VmRSS")
    for _ in range(3):
        step()
    return _status("VmHWM") - before


def _status(entry: str) -> int:
    """Return bytes that the system counts of this process."""
    for line in (_PROCESS / "status").read_text().splitlines():
        if line.startswith(f"{entry}:"):
            return 1024 * int(line.split()[1])
    raise KeyError(entry)


if __name__ == "__main__":
    main()
