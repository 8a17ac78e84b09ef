"""`dynamic_capacity.py` as a command, with a short training."""

import os
import re
import struct

import pytest

# `digits.py` runs on all of them (`test_examples.py`).
BACKENDS = ["torch"]
if os.environ.get("TESTS") == "all":
    BACKENDS += ["jax", "tensorflow"]
TOY = ("--epochs", "1", "--train", "128", "--patches", "1", "5")


def row(result, name):
    """Return the cells beside a name in the table."""
    (line,) = (x for x in result.stdout.splitlines() if f"| {name} " in x)
    return [cell.strip() for cell in line.split("|")[2:-1]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_dynamic_capacity(backend, tmp_path, in_turn):
    options = (*TOY, "--seeds", 2, "--output", tmp_path / "made")
    result = in_turn("dynamic_capacity", *options, backend=backend)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert "\b" not in result.stdout  # a live bar is for terminals
    assert f"Backend: {backend}\n" in result.stdout
    assert "1,034 test images" in result.stdout
    picture = (tmp_path / "made" / "dynamic_capacity.png").read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", picture[16:24])
    assert 1000 <= width <= 1400
    assert 300 <= height <= 1000

    names = ["coarse alone", "fine everywhere"]
    names += [f"{k} patches, {h}" for k in (1, 5) for h in ("no hint", "hint")]
    cells = {name: row(result, name) for name in names}
    for error, multiplications, parameters, seconds in cells.values():
        assert re.fullmatch(r"\d+\.\d\d ± \d+\.\d\d", error)
        assert re.fullmatch(r"[\d,]+", multiplications)
        assert re.fullmatch(r"[\d,]+", parameters)
        assert re.fullmatch(r"\d+\.\d\d ± \d+\.\d\d", seconds)
    assert "over 2 seeds" in result.stdout
    # By hand: kernels of 4x4, 3x3 and 2x2 on the maps of a patch.
    fine = 25 * 16 * 24 + 4 * 9 * 24 * 48 + 4 * 48 * 24
    one, five = (
        int(cells[f"{k} patches, hint"][1].replace(",", "")) for k in (1, 5)
    )
    assert five - one == 4 * fine
