"""No text of the project has the words that `tools/words.py` lists."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WORDS = runpy.run_path(str(ROOT / "tools" / "words.py"))


def test_text_has_no_listed_words():
    lines = WORDS["report"]()
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("x = 1\n# It equals the float64 twin.\n", "twin"),
        ("x = 1\ndef test_slopes_are_finite(): pass\n", "slopes"),
        ("x = 1\ny = ops.take_rows(x)\n", "take_rows"),
        ("x = 1\n`loss_of_places` and more", "loss_of_places"),
        ("x = 1\nclass Handover:\n", "Handover"),
        ("x = 1\npath = trust/exports\n", "trust"),
        ("x = 1\ndef perceptron(z):\n", "perceptron"),
        ("x = 1\ny = _halve(x)\n", "halve"),
        ("x = 1\nis_grey = True\n", "grey"),
        ("x = 1\nfor x in places:\n", "places"),
        (
            "\n`pip install keras-vision-attention[jax]`",
            "keras-vision-attention",
        ),
    ],
)
def test_listed_words_are_reported_with_their_line(text, word):
    (finding,) = WORDS["findings"](text)
    assert finding[:2] == (2, word)


@pytest.mark.parametrize(
    "text",
    [
        "The multilayer\nperceptron and the rectified linear unit.",
        "Trust is good; `halves` are rounded to the even number.",
        "The center of a peeraged twine.",
        "A widespread layer in place of another: see what takes place.",
    ],
)
def test_other_words_are_not_reported(text):
    assert not list(WORDS["findings"](text))


def test_files_of_all_folders_are_checked():
    files = {path.relative_to(ROOT).as_posix() for path in WORDS["files"]()}
    assert files >= {"README.md", "tox.ini", "pyproject.toml"}
    assert files >= {"keras_attention/__init__.py", "docs/index.md"}
    assert "tests/test_words.py" in files
