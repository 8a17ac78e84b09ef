"""The benchmarks run, and baselines equal the layers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import layers
from benchmarks import report
from benchmarks import timing
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


TORCH_COMPILE = ("--quick", "--torch-compile", "--parts", "layers", "--only")


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs g++")
def test_compiled_baselines_equal_compiled_layers():
    lines = run("torch", *TORCH_COMPILE, "SqueezeExcite").splitlines()
    assert lines
    assert all(line.split()[-7] == "compiled" for line in lines), lines


def test_other_backends_refuse_torch_compile():
    with pytest.raises(subprocess.CalledProcessError) as raised:
        run("jax", *TORCH_COMPILE, "SqueezeExcite")
    assert "--torch-compile needs KERAS_BACKEND=torch" in raised.value.stderr


def test_report(tmp_path):
    options = ("--quick", "--only", "SqueezeExcite", "--out", str(tmp_path))
    parts = ("layers", "samplers", "memory", "growth")
    titles = ("Layers", "Samplers", "Memory", "Growth")
    if ALL:  # A network is large, and the others start several processes.
        parts += ("network", "startup", "timm", "compilation")
        titles += ("ResNet", "Start", "Compilation")
    run("torch", *options, "--parts", *parts)
    found = json.loads((tmp_path / "torch.json").read_text())
    assert found["machine"]["backend"] == "torch"
    assert found["layers"][0]["ratio"]["median"] > 0
    text = (tmp_path / "torch.md").read_text()
    for title in titles:
        assert title in text
    assert (tmp_path / "torch.png").stat().st_size > 10_000


def test_update_keeps_other_rows_and_keeps_machines_apart(tmp_path):
    def rows(*names):
        ratio = timing.Ratio(1.0, 0.9, 1.1, 1e-3, 1e-3, 15)
        return {
            "layers": [
                layers.Result(name, "16x28x28x256", "forward", "eager", ratio)
                for name in names
            ]
        }

    def names(found):
        return [row.layer for row in found["layers"]]

    report.write(tmp_path, rows("CBAM", "SimAM"))
    earlier = report.read(tmp_path)
    merged = report.merge(earlier, rows("SqueezeExcite", "SimAM"))
    assert names(merged) == ["SqueezeExcite", "CBAM", "SimAM"]
    assert "other_machines" not in merged
    earlier["machine"]["processor"] = "another one"
    apart = report.merge(earlier, rows("SqueezeExcite"))
    assert names(apart) == ["CBAM", "SimAM"]
    assert names(*apart["other_machines"]) == ["SqueezeExcite"]
    report.write(tmp_path, apart)
    assert report.read(tmp_path) == apart
    backend = apart["machine"]["backend"]
    text = (tmp_path / f"{backend}.md").read_text()
    assert f"# Speed on {backend}, another machine" in text


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
