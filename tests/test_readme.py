"""The README: its code runs, and its links exist."""

import re
import runpy

import keras

import keras_attention
import pages
from pages import ROOT
from pages import Page

README = Page("README.md")


def test_python_runs(tmp_path):
    done = pages.run(tmp_path, keras.config.backend(), "README.md")
    assert done.returncode == 0, done.stderr[-4000:]


def test_the_first_two_commands_are_one_line_each():
    install, test = README.blocks("bash")[:2]
    assert install.count("\n") == test.count("\n") == 1
    assert install.rstrip().endswith("python examples/digits.py")
    assert (ROOT / ".ci" / "run").read_text().endswith(test)


def test_citations_have_the_version_of_the_package():
    version = re.escape(keras_attention.__version__)
    for path, entry in (
        ("CITATION.cff", f"^version: {version}$"),
        ("docs/guide/citing.md", f"^  version = {{{version}}},$"),
        ("CHANGELOG.md", f"^## {version} "),
    ):
        assert re.search(entry, (ROOT / path).read_text("utf-8"), re.M), path


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
