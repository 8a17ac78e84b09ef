"""The examples, run as a newcomer runs them, at toy size."""

import json
import os
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent
BACKENDS = ("jax", "tensorflow", "torch")
TOY = ("--epochs", "2", "--seeds", "1")

# Makes some modules as good as not installed, and examples importable.
HIDING = """
import importlib.util, runpy, sys
folder, hidden = sys.argv[1], sys.argv[2].split(",")
find_spec = importlib.util.find_spec
importlib.util.find_spec = (
    lambda name, *args: None if name in hidden else find_spec(name, *args)
)
sys.path.insert(0, folder)
sys.argv = [folder + "/digits.py"]
"""
RUN = "runpy.run_path(sys.argv[0], run_name='__main__')"
CHOOSE = "import _support; print(_support.choose_backend())"


def python(*arguments, backend=None, **environment):
    """Run Python, on this backend or with `KERAS_BACKEND` not set."""
    inherited = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    if backend is not None:
        environment["KERAS_BACKEND"] = backend
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**inherited, **environment, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


def digits(*options, **environment):
    return python(EXAMPLES / "digits.py", *options, **environment)


def without(hidden, code, **environment):
    arguments = ("-c", HIDING + code, EXAMPLES, ",".join(hidden))
    return python(*arguments, **environment)


def check_run(result, folder, attention):
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert re.fullmatch(r"test accuracy: \d\.\d\d", lines[-1])
    header = next(i for i, line in enumerate(lines) if "parameters" in line)
    for row, name in zip(
        lines[header + 1 :], ("plain", attention), strict=False
    ):
        assert re.fullmatch(rf"{name} +0\.\d{{4}} +[\d,]+ +\d+\.\d\d", row)
    assert "fresh process: predictions identical (517 digits)" in result.stdout
    assert "\b" not in result.stdout  # a live bar is for terminals
    check_model(folder / f"digits_{attention}.keras")
    check_picture(folder / f"digits_{attention}.png")


def check_model(path):
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    modules = [layer["module"] for layer in config["config"]["layers"]]
    assert sum(m.startswith("keras_attention.") for m in modules) == 1


def check_picture(path):
    picture = path.read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert 20_000 < len(picture) < 600_000
    width, height = struct.unpack(">II", picture[16:24])
    assert 1000 <= width <= 1400
    assert 300 <= height <= 1000


@pytest.mark.parametrize("backend", BACKENDS)
def test_runs_on_every_backend(backend, tmp_path):
    folder = tmp_path / "made" / "for me"
    result = digits(*TOY, "--output", folder, backend=backend)
    check_run(result, folder, "cbam")
    assert f"Backend: {backend}\n" in result.stdout


@pytest.mark.parametrize("attention", ["se", "sge", "gct"])
def test_every_other_attention(attention, tmp_path):
    options = ("--epochs", "1", "--seeds", "1", "--attention", attention)
    result = digits(*options, "--output", tmp_path, backend="tensorflow")
    check_run(result, tmp_path, attention)


def test_several_seeds_and_no_backend_asked_for(tmp_path):
    options = ("--epochs", "1", "--seeds", "2", "--output", tmp_path)
    result = digits(*options, KERAS_HOME=str(tmp_path / "empty"))
    assert result.returncode == 0, result.stderr
    assert len(re.findall(r"0\.\d{4} ± 0\.\d{4}", result.stdout)) == 2
    assert "over 2 seeds" in result.stdout
    assert "Backend: jax\n" in result.stdout


@pytest.mark.parametrize(
    ("configured", "hidden", "chosen"),
    [
        (None, [], "jax"),
        (None, ["jax"], "tensorflow"),
        (None, ["jax", "tensorflow"], "torch"),
        ("torch", [], "torch"),
        ("torch", ["torch"], "jax"),
        ("numpy", [], "jax"),
    ],
)
def test_picks_an_installed_backend(configured, hidden, chosen, tmp_path):
    if configured:
        config = json.dumps({"backend": configured})
        (tmp_path / "keras.json").write_text(config, "utf-8")
    result = without(hidden, CHOOSE, KERAS_HOME=str(tmp_path))
    assert result.stdout.strip() == chosen, result.stderr


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--attention", "vision", "invalid choice: 'vision'"),
        ("--epochs", "0", "must be a positive integer. Received: 0"),
        ("--epochs", "x", "must be a positive integer. Received: x"),
        ("--seeds", "-1", "must be a positive integer. Received: -1"),
        ("--output", __file__, "cannot be made a folder (File exists)"),
    ],
)
def test_bad_options(option, value, message):
    result = digits(f"{option}={value}", backend="jax")
    assert result.returncode == 2
    assert f"argument {option}: {message}" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("backend", "hidden", "message"),
    [
        ("numpy", [], "must be jax, tensorflow or torch. Received: KERAS"),
        ("torch", ["torch"], 'pip install "keras-vision-attention[torch]"'),
        (None, BACKENDS, 'pip install "keras-vision-attention[jax]"'),
        ("jax", ["sklearn"], "pip install scikit-learn"),
    ],
)
def test_what_is_missing_is_named(backend, hidden, message):
    result = without(hidden, RUN, backend=backend)
    assert result.returncode == 2
    assert result.stderr.startswith("digits.py: error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
