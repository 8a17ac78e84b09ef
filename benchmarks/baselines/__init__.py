"""Baselines: the layers as hand-written code of each backend.

A baseline is the code of an expert for one layer, data format and backend, with
the same results. A layer has a file of its name with the functions `jax`,
`tensorflow` and `torch`. What layers share is in `_axes.py`, and in `_jax.py`,
`_tensorflow.py` and `_torch.py`.
"""

import importlib
from collections.abc import Callable

from benchmarks.runners import BACKEND


def find(name: str) -> Callable:
    """Return the baseline with a name on the active backend."""
    return getattr(
        importlib.import_module(f"benchmarks.baselines.{name}"), BACKEND
    )
