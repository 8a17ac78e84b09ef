"""Baselines: the layers as hand-written code of each backend.

A baseline is the code of an expert for one layer, data format and backend, with
the same results. A layer has a file of its name with a function for each
backend, or a function in the files of the backends.
"""

import importlib
import importlib.util
from collections.abc import Callable

from benchmarks.runners import BACKEND


def find(name: str) -> Callable:
    """Return the baseline with a name on the active backend."""
    own = f"benchmarks.baselines.{name}"
    if importlib.util.find_spec(own):
        return getattr(importlib.import_module(own), BACKEND)
    return getattr(
        importlib.import_module(f"benchmarks.baselines.{BACKEND}"), name
    )
