"""Time of `import keras_attention` after `import keras`."""

import os
import statistics
import subprocess
import sys
from typing import NamedTuple

_CODE = """
import time
start = time.perf_counter()
import keras
middle = time.perf_counter()
import keras_attention
print(middle - start, time.perf_counter() - middle)
"""


class Startup(NamedTuple):
    """Median seconds of the two imports."""

    keras: float
    keras_attention: float


def measure(repeats: int = 5) -> Startup:
    """Measure both imports in separate processes."""
    # The first process may compile byte code.
    times = [_once() for _ in range(repeats + 1)][1:]
    return Startup(*map(statistics.median, zip(*times, strict=True)))


def _once() -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", _CODE],
        check=True,
        capture_output=True,
        text=True,
        # Installed packages have byte code.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
    )
    return [float(number) for number in done.stdout.split()[-2:]]
