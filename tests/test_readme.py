"""The README: its code runs, and its two commands are what it says."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def test_python_runs():
    names = {}
    for block in blocks("python"):
        exec(block, names)  # in one namespace, as a reader would
    assert names["model"].count_params() > 0
    assert tuple(names["gate_of_channels"].shape) == (1, 1, 1, 64)
    assert tuple(names["gate_of_positions"].shape) == (1, 30, 30, 1)


def test_the_first_two_commands_are_one_line_each():
    install, test = blocks("bash")[:2]
    assert install.count("\n") == test.count("\n") == 1
    assert install.rstrip().endswith("python examples/digits.py")
    assert (ROOT / ".ci" / "run").read_text().endswith(test)


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).is_file()


def test_is_short():
    assert README.count("\n") < 150
