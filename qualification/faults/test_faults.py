"""Resumed training gives the weights of uninterrupted training."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

HERE = Path(__file__).parent
STEPS = 16  # four epochs of four


def train(*arguments):
    return subprocess.run(
        [sys.executable, str(HERE / "train.py"), *map(str, arguments)],
        env={**os.environ, "KERAS_BACKEND": keras.config.backend()},
    ).returncode


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return a function from the name of a model to its weights."""
    known = {}

    def weights(name):
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            assert train(name, folder) == 0
            known[name] = read(folder)
        return known[name]

    return weights


def read(folder):
    with np.load(folder / "weights.npz") as file:
        return [file[name] for name in file.files]


# In the first epoch, where nothing is saved yet, and in the middle of others.
KILLED = os.environ.get("KILLED", "2,6,11")


@pytest.mark.parametrize("step", [int(step) for step in KILLED.split(",")])
@pytest.mark.parametrize("name", ["cbam", "recurrent"])
def test_killed_and_resumed(name, step, undisturbed, tmp_path):
    assert train(name, tmp_path, step) == -signal.SIGKILL
    assert not (tmp_path / "weights.npz").exists()
    assert train(name, tmp_path) == 0
    found, right = read(tmp_path), undisturbed(name)
    worst = max(np.abs(a - b).max() for a, b in zip(found, right, strict=True))
    print(f"{name}, killed after step {step}: off by {worst:.1e}")
    assert worst <= 1e-6


def test_killed_twice(undisturbed, tmp_path):
    for step in (6, 3):
        assert train("recurrent", tmp_path, step) == -signal.SIGKILL
    assert train("recurrent", tmp_path) == 0
    for a, b in zip(read(tmp_path), undisturbed("recurrent"), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
