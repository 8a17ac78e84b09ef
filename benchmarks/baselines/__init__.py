"""Baselines: the layers as hand-written code of each backend.

There is a file per backend and a function per layer. A baseline is the code of
an expert for one layer, data format and backend, with the same results.
"""

import importlib
from collections.abc import Callable

from benchmarks.runners import BACKEND


def find(name: str) -> Callable:
    """Return the baseline with a name on the active backend."""
    return getattr(
        importlib.import_module(f"benchmarks.baselines.{BACKEND}"), name
    )
