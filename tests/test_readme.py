"""The README: its code runs, and its links exist."""

import runpy

from pages import ROOT
from pages import Page

README = Page("README.md")


def test_python_runs():
    names = README.run()
    assert names["model"].count_params() > 0
    assert tuple(names["gate_of_channels"].shape) == (1, 1, 1, 64)
    assert tuple(names["gate_of_positions"].shape) == (1, 30, 30, 1)


def test_the_first_two_commands_are_one_line_each():
    install, test = README.blocks("bash")[:2]
    assert install.count("\n") == test.count("\n") == 1
    assert install.rstrip().endswith("python examples/digits.py")
    assert (ROOT / ".ci" / "run").read_text().endswith(test)


def test_links_lead_somewhere():
    for target in README.links():
        assert target.startswith("https://") or (ROOT / target).is_file()


def test_is_short():
    assert README.text.count("\n") < 200


def test_table_of_layers_is_that_of_the_cards():
    tool = runpy.run_path(str(ROOT / "tools" / "readme.py"))
    assert tool["updated"](README.text) == README.text, (
        "The table of layers in README.md must be that of the cards. Run "
        "`python tools/readme.py`."
    )
