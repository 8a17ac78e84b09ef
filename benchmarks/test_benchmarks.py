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


NAMES = [case.name for case in LAYERS]
BACKENDS = ("torch", "jax", "tensorflow")
ALL = os.environ.get("TESTS") == "all"


# By default each layer is compared on one backend, in turns, and of those whose
# backend compiles only a few.
@pytest.mark.parametrize(
    ("backend", "only"),
    [
        (backend, NAMES if ALL else NAMES[number :: 3 if number == 0 else 18])
        for number, backend in enumerate(BACKENDS)
    ],
    ids=BACKENDS,
)
def test_baselines_equal_the_layers(backend, only):
    # They are compared before they are timed.
    quick = ("--quick", "--parts", "layers")
    lines = run(backend, *quick, "--only", *only).splitlines()
    assert {line.split()[0] for line in lines} == set(only)


def test_report(tmp_path):
    options = ("--quick", "--only", "SqueezeExcite", "--out", str(tmp_path))
    # Memory is measured in four processes.
    parts = ("layers", "samplers", "network", "growth", "startup")
    titles = ("Layers", "Samplers", "ResNet", "Growth", "Start")
    if ALL:
        parts += ("timm", "memory")
        titles += ("Memory",)
    run("torch", *options, "--parts", *parts)
    found = json.loads((tmp_path / "torch.json").read_text())
    assert found["machine"]["backend"] == "torch"
    assert found["layers"][0]["ratio"]["median"] > 0
    text = (tmp_path / "torch.md").read_text()
    for title in titles:
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
