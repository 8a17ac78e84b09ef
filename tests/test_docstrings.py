"""Every public name has an example, and every layer all sections.

`docstring_examples.py` runs the examples.
"""

import doctest

import pytest

import keras_attention


@pytest.mark.parametrize("name", keras_attention.__all__)
def test_every_public_name_has_an_example(name):
    docstring = getattr(keras_attention, name).__doc__
    assert doctest.DocTestParser().get_examples(docstring)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in keras_attention.__all__
        if hasattr(getattr(keras_attention, name), "build")
    ],
)
def test_docstrings_have_all_sections_in_order(name):
    sections = (
        ".. math::",
        "Args:",
        "Call arguments:",
        "Input shape:",
        "Output shape:",
        "Raises:",
        "Example:",
        "Reference:",
    )
    docstring = getattr(keras_attention, name).__doc__
    positions = [docstring.index(section) for section in sections]
    assert positions == sorted(positions)
