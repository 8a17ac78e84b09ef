"""The benchmarks run, and baselines equal the layers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.cases import LAYERS

ROOT = Path(__file__).parents[1]


def run(backend, *arguments):
    """Run the command line in a separate process."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "PYTHONPATH": str(ROOT),
            "PYTHONSAFEPATH": "",
        },
    ).stdout


FEW = ["SqueezeExcite", "SelectiveKernel", "AttentionalFeatureFusion"]


# Compilation takes long on the other backends.
@pytest.mark.parametrize(
    ("backend", "only"),
    [
        ("jax", FEW),
        ("tensorflow", FEW),
        ("torch", [case.name for case in LAYERS]),
    ],
)
def test_baselines_equal_the_layers(backend, only):
    # They are compared before they are timed.
    quick = ("--quick", "--parts", "layers")
    lines = run(backend, *quick, "--only", *only).splitlines()
    assert {line.split()[0] for line in lines} == set(only)


def test_report(tmp_path):
    run("torch", "--quick", "--only", "SqueezeExcite", "--out", str(tmp_path))
    found = json.loads((tmp_path / "torch.json").read_text())
    assert found["machine"]["backend"] == "torch"
    assert found["layers"][0]["ratio"]["median"] > 0
    text = (tmp_path / "torch.md").read_text()
    for title in ("Layers", "Samplers", "ResNet", "Memory", "Growth", "Start"):
        assert title in text
    assert (tmp_path / "torch.png").stat().st_size > 10_000


def test_a_wrong_baseline_is_refused():
    code = """
from benchmarks import layers, baselines
from benchmarks.cases import LAYERS, QUICK
right = baselines.find("squeeze_excite")
baselines.find = lambda name: lambda *a, **k: 1.01 * right(*a, **k)
list(layers.measure(LAYERS[0], QUICK[0], budget=0))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={
            **os.environ,
            "KERAS_BACKEND": "torch",
            "PYTHONPATH": str(ROOT),
        },
    )
    assert "AssertionError" in done.stderr
