"""The published layers, and the golden files that hold what they compute."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

GOLDENS = Path(__file__).parent.parent / "goldens"


@pytest.fixture
def golden():
    """Return a function from the name of a golden file to what is in it."""

    def load(name):
        with np.load(GOLDENS / f"{name}.npz") as file:
            arrays = dict(file)
        weights = {
            name.removeprefix("w/"): array
            for name, array in arrays.items()
            if name.startswith("w/")
        }
        inputs = [arrays[name] for name in ("x", "x0", "x1") if name in arrays]
        return SimpleNamespace(
            x=inputs[0], inputs=inputs, y=arrays["eval/y"], w=weights
        )

    return load
