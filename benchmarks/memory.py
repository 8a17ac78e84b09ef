"""Memory of a training step, measured in separate processes.

    KERAS_BACKEND=jax python -m benchmarks.memory CBAM ours 8

prints the peak growth of the process in bytes, since before the first step. It
includes memory of compilers and memory that is never freed, so the memory of a
sample is the *difference* between batch sizes. Linux only, as other systems do
not report the peak since a given moment.
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
    """Bytes of a training step per sample of 56 x 56 x 64."""

    layer: str
    ours: float
    baseline: float


def compare(layer: str, *, quick: bool = False) -> Peak:
    """Return the memory of a training step of each side."""
    batches = _QUICK_BATCHES if quick else _BATCHES
    return Peak(
        layer,
        _a_sample(layer, "ours", batches),
        _a_sample(layer, "baseline", batches),
    )


def _a_sample(layer: str, side: str, batches: tuple[int, int]) -> float:
    """Return the bytes of one more sample."""
    few, many = (_in_process(layer, side, batch) for batch in batches)
    return (many - few) / (batches[1] - batches[0])


def _in_process(layer: str, side: str, batch: int) -> int:
    """Run this file in a process for one side, and return its result."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", layer, side, str(batch)],
        # The allocator then frees maps at once, so that runs are reproducible.
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"},
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout.split()[-1])


def is_possible() -> bool:
    """Return whether the system reports the peak memory."""
    return (_PROCESS / "clear_refs").exists()


def main() -> None:
    """Print the bytes of the layer on the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory")
    parser.add_argument("layer")
    parser.add_argument("side", choices=["ours", "baseline"])
    parser.add_argument("batch", type=int)
    options = parser.parse_args()
    print(_measure(options.layer, options.side, options.batch))


def _measure(name: str, side: str, batch: int) -> int:
    # Imported here, so that the parent process needs no backend.
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
    """Return an entry of the memory status of this process, in bytes."""
    for line in (_PROCESS / "status").read_text().splitlines():
        if line.startswith(f"{entry}:"):
            return 1024 * int(line.split()[1])
    raise KeyError(entry)


if __name__ == "__main__":
    main()
