"""What goes is told in time, and goes in time."""

import datetime
import importlib
import pkgutil
import re
import sys
import types

import pytest

import keras_attention
import public_surface
from keras_attention._deprecation import Deprecation
from keras_attention._deprecation import renamed_argument
from keras_attention._deprecation import renamed_names

SOON = {"since": "2027-01-31", "until": "2027-08-31"}
RATIO = renamed_argument("ratio", Deprecation("reduction", **SOON))


@RATIO
def squeeze(x, *, reduction=16):
    """Return how many units are left."""
    return x // reduction


def test_old_name_of_an_argument_works_and_warns():
    with pytest.warns(FutureWarning, match="reduction") as caught:
        assert squeeze(32, ratio=4) == 8
    (warning,) = caught
    assert str(warning.message) == (
        "`ratio` is deprecated since 2027-01-31 and may be gone after "
        "2027-08-31. Use `reduction` instead."
    )
    assert warning.filename == __file__
    assert squeeze(32, reduction=4) == 8
    assert squeeze(32) == 2
    assert squeeze.__doc__ == "Return how many units are left."


def test_both_names_of_an_argument_are_refused():
    with pytest.raises(TypeError, match=r"Received: ratio=4, reduction=2$"):
        squeeze(32, ratio=4, reduction=2)


def test_old_name_of_a_module_works_and_warns(monkeypatch):
    module = types.ModuleType("some_module")
    module.New = object()
    module.__getattr__ = renamed_names(
        "some_module", {"Old": Deprecation("New", **SOON)}
    )
    monkeypatch.setitem(sys.modules, "some_module", module)
    with pytest.warns(FutureWarning, match=r"`some_module.Old` .*`New`"):
        assert module.Old is module.New
    with pytest.raises(AttributeError, match=r"'some_module' .* 'Other'"):
        module.Other  # noqa: B018  to look is the test


@pytest.mark.parametrize(
    ("since", "until"),
    [("2027-01-31", "2027-03-31"), ("2027-01-31", "soon")],
)
def test_dates_leave_half_a_year(since, until):
    with pytest.raises(ValueError, match=r"until|isoformat"):
        Deprecation("new", since, until)


def overdue(values, released):
    """Return the old names that a release should no longer have."""
    return [
        old
        for value in values
        for old, deprecation in getattr(value, "deprecations", {}).items()
        if released > datetime.date.fromisoformat(deprecation.until)
    ]


def test_what_is_due_has_gone():
    """By the day of the newest release in the CHANGELOG."""
    text = public_surface.CHANGELOG.read_text()
    days = re.findall(r"^## \S+ - (\d{4}-\d\d-\d\d)$", text, re.M)
    released = max(map(datetime.date.fromisoformat, days), default=None)
    modules = [
        importlib.import_module(info.name)
        for info in pkgutil.walk_packages(
            keras_attention.__path__, "keras_attention."
        )
        if "._backend." not in info.name
    ]
    values = [v for m in modules for v in vars(m).values()]
    values += [
        v for c in values if isinstance(c, type) for v in vars(c).values()
    ]
    assert released is None or not overdue(values, released)


def test_what_is_due_is_found():
    assert overdue([squeeze], datetime.date(2027, 9, 1)) == ["ratio"]
    assert not overdue([squeeze], datetime.date(2027, 8, 31))
