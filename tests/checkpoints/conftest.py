"""The golden files, with weights and outputs of published layers."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

GOLDENS = Path(__file__).parent.parent / "goldens"


@pytest.fixture
def golden():
    """Return a function that loads a golden file by its name."""

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
