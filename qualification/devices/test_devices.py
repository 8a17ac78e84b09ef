"""A step on several devices equals a step on one, for every soft layer."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

BACKEND = keras.config.backend()
STRATEGIES = {"jax": ["data", "model"]}.get(BACKEND, ["data"])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_step_is_that_of_one_device(strategy):
    step = Path(__file__).with_name("step.py")
    ended = subprocess.run(
        [sys.executable, str(step), strategy],
        env={**os.environ, "KERAS_BACKEND": BACKEND},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    off = json.loads(ended.stdout.splitlines()[-1])
    print(f"{BACKEND}, {strategy}: {off}")
    assert len(off) >= 15
    # Sums are in another order.
    assert max(off.values()) <= 5e-6, off
