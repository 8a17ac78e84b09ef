"""The examples in the docstrings run, and every public name has one."""

import doctest
import importlib
import pkgutil

import keras
import numpy as np
import pytest

import keras_attention

MODULES = [
    module.name
    for module in pkgutil.walk_packages(
        keras_attention.__path__, "keras_attention."
    )
    # Of the files of the backends, those of the active one and no others.
    if module.name.rpartition(".")[2].partition("_")[0]
    not in {"jax", "tensorflow", "torch"} - {keras.config.backend()}
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    failures, _ = doctest.testmod(
        importlib.import_module(name),
        extraglobs={
            "keras": keras,
            "keras_attention": keras_attention,
            "np": np,
        },
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS,
    )
    assert not failures


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
    places = [docstring.index(section) for section in sections]
    assert places == sorted(places)
