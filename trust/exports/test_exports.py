"""What could be exported can still be, to the same numbers."""

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import formats
import table

KNOWN = json.loads(table.FOUND.read_text()).get(formats.BACKEND, {})


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    found = table.run(tmp_path_factory.mktemp("exports"))
    if os.environ.get("WRITE"):
        table.write(found)
    return found


def test_nothing_that_worked_has_stopped(found):
    worse = {
        f"{subject}, {name}": found[subject][name]
        for subject, results in KNOWN.items()
        for name, result in results.items()
        if table.works(result) and not table.works(found[subject][name])
    }
    assert not worse


def test_nothing_is_wrong_without_a_word(found):
    """What does not work must fail: no file may compute something else."""
    silent = {
        f"{subject}, {name}": result
        for subject, results in found.items()
        for name, result in results.items()
        if isinstance(result, float) and not table.works(result)
    }
    assert not silent
