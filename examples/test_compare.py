"""`compare.py` as a command, with few and small images."""

import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

EXAMPLE = Path(__file__).with_name("compare.py")
# `digits.py` runs on all of them (`test_examples.py`).
BACKENDS = ["torch"]
if os.environ.get("TESTS") == "all":
    BACKENDS += ["jax", "tensorflow"]
TOY = ("--seeds", "2", "--train", "64", "--width", "16")


def start(*options, backend="torch"):
    return subprocess.Popen(
        [sys.executable, str(EXAMPLE), *map(str, options)],
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "PYTHONIOENCODING": "utf-8",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        # A shell has what it starts in the background ignore this signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(process):
    """Return the status and what was written, and check the status."""
    try:
        output, errors = process.communicate(timeout=300)
    finally:
        process.kill()
    return process.returncode, output, errors


@pytest.fixture
def run(in_turn):
    def run(*options, backend="torch"):
        result = in_turn("compare", *options, backend=backend)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def rows(output):
    """Return the cells of each row of the table."""
    lines = [line for line in output.splitlines() if line[:1] == "|"]
    assert len({len(line) for line in lines}) == 1
    cells = [line.replace(" ", "").strip("|").split("|") for line in lines]
    return {first: others for first, *others in cells}


def finished(folder):
    """Return the results of the file, by name and seed."""
    path = folder / "compare.json"
    if not path.exists():
        return {}
    entries = json.loads(path.read_text("utf-8"))
    results = {(x["name"], x["seed"]): x["result"] for x in entries}
    results.pop(("ms/step", None), None)
    return results


@pytest.mark.parametrize("backend", BACKENDS)
def test_table_plot_and_second_call(backend, tmp_path, run):
    attentions = ("ge", "se:reduction=4")
    options = (*TOY, "--epochs", "1", "--output", tmp_path, "--attention")
    output = run(*options, attentions[1], backend=backend)
    table = rows(output)
    assert list(table)[2:] == ["none", attentions[1]]
    assert re.fullmatch(r"\d+\.\d\d±\d+\.\d\d", table["none"][0])
    counts = [
        int(table[x][1].replace(",", "")) for x in ("none", attentions[1])
    ]
    assert counts[1] - counts[0] == 2 * (16 * 4 + 32 * 8 + 64 * 16)
    assert "Note: 8 training steps are few" in output
    assert f"Backend: {backend}\n" in output
    assert "by multiply-adds: " in output or "from all others" in output
    picture = tmp_path / "compare.png"
    assert output.splitlines()[-1] == f"picture: {picture}"
    data = picture.read_bytes()
    assert 10_000 < len(data) < 200_000
    assert 1000 <= struct.unpack(">I", data[16:20])[0] <= 1400

    before = finished(tmp_path)
    assert len(before) == 4
    output = run(*options, *attentions, backend=backend)
    assert "4 of 6 runs are finished" in output
    assert output.count("epochs, ") == 2
    assert before.items() <= finished(tmp_path).items()
    assert rows(output)["ge"][2] == "unknown"
    assert "by multiply-adds" not in output


def test_interrupted_runs_go_on(tmp_path, run):
    options = (*TOY, "--epochs", "6", "--output", tmp_path)
    options += ("--attention", "simam", "gct")
    done = {}
    for stop, status in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 1)):
        process = start(*options)
        limit = time.monotonic() + 200
        while len(finished(tmp_path)) <= len(done):
            assert process.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.05)
        process.send_signal(stop)
        ended, _, errors = finish(process)
        assert ended == status, errors
        assert done.items() <= finished(tmp_path).items()
        done = finished(tmp_path)
        assert len(done) < 6
    # Other libraries write before it.
    assert errors.rstrip().endswith("goes on from there.")
    assert "Traceback" not in errors
    output = run(*options)
    assert f"{len(done)} of 6 runs are finished" in output
    assert output.count("epochs, ") == 6 - len(done)
    assert done.items() <= finished(tmp_path).items()


def paint(path, color, mode="RGB", size=(9, 7)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).convert(mode).save(path)


def test_folder_of_images(tmp_path, run):
    rng = np.random.default_rng(0)
    for name, base in (("dark", 0), ("light", 120)):
        for i in range(12):
            color = tuple(int(x) for x in base + rng.integers(0, 100, 3))
            size = tuple(int(x) for x in rng.integers(5, 40, 2))
            path = (
                tmp_path / "images" / name / f"{i}.{'png' if i % 2 else 'JPG'}"
            )
            paint(path, color, size=size)
    (tmp_path / "images" / "dark" / "broken.png").write_bytes(b"no image")
    (tmp_path / "images" / "dark" / ".DS_Store").write_bytes(b"")
    output = run(
        *("--epochs", "8", "--seeds", "1", "--width", "16", "--size", "20"),
        *("--images", tmp_path / "images", "--test-share", "0.25"),
        *("--attention", "none", "simam", "--output", tmp_path / "made"),
    )
    assert (
        "18 training images and 6 test images, 20 x 20 x 3, 2 classes" in output
    )
    assert re.search(r"Note: 1 left out, .* images: .*broken\.png\n", output)
    assert ".DS_Store" not in output
    assert "One seed does not show differences" in output
    assert "Traceback" not in output
