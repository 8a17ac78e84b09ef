"""The GPU script runs on a CPU at toy size."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def check(folder, *arguments):
    """Run the script in a separate process."""
    return subprocess.run(
        [
            *(ROOT / "tools" / "gpu_check.sh", "--toy", "--out", folder),
            *("--only", "SqueezeExcite", *arguments),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHON": sys.executable},
    )


# On PyTorch the test below runs the script.
@pytest.mark.parametrize(
    "backend", ["jax", "torch"][: 2 if os.environ.get("TESTS") == "all" else 1]
)
def test_results_are_written(backend, tmp_path):
    done = check(tmp_path, "--backends", backend)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "gpu_check.json").read_text())
    assert {test["part"] for test in found["tests"]} == {
        "operations",
        "gradients",
    }
    for test in found["tests"]:
        assert test["passed"] > 0
        assert test["failed"] == 0
        assert test["complete"]
    assert [(line["dtype"], line["pass"]) for line in found["layers"]] == [
        ("float32", "forward"),
        ("float32", "training"),
        ("bfloat16", "forward"),
        ("bfloat16", "training"),
    ]
    for line in found["layers"]:
        assert line["ratio"] > 0
        assert (line["ours_bytes"] is None) == (backend == "torch")
    assert "| SqueezeExcite |" in (tmp_path / "gpu_check.md").read_text()


def test_what_runs_out_of_time_is_reported(tmp_path):
    done = check(
        tmp_path, "--backends", "torch", "--test-budget", "0.1", "--budget", "0"
    )
    assert done.returncode == 1
    found = json.loads((tmp_path / "gpu_check.json").read_text())
    assert not any(test["complete"] for test in found["tests"])
    assert "no: out of time" in (tmp_path / "gpu_check.md").read_text()
