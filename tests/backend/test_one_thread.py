"""PyTorch processes with one thread do not crash."""

import os
import subprocess
import sys

import keras
import pytest

pytestmark = pytest.mark.skipif(
    keras.config.backend() != "torch",
    reason="The fault is PyTorch's: CONTRIBUTING, 'A crash without a message'.",
)

SCRIPT = """
import torch
from keras_attention.ops import convolution

torch.set_num_threads(1)
for channels in (3, 4):
    for size in (5, 6, 8):
        kernel = torch.randn(1, 1, channels, 6, requires_grad=True)
        for _ in range(50):
            x = torch.randn(2, size, size, channels, requires_grad=True)
            y = convolution.conv2d(
                x, kernel, None, strides=2, padding="same", dilation_rate=1,
                data_format="channels_last",
            )
            y.square().sum().backward()
"""


def test_strided_projections_of_few_channels_do_not_corrupt_memory():
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"{run.returncode}: {run.stderr[-2000:]}"
