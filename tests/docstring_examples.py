"""Runs the examples in the docstrings of the installed package with pytest.

It is also the plugin of this run: fixtures of `conftest.py` apply to files
below `tests` only, and pytest imports plugins before it adds `tests` to the
path.
"""

import sys

import keras
import numpy as np
import pytest

import keras_attention

OTHER_BACKENDS = {"jax", "tensorflow", "torch"} - {keras.config.backend()}


def pytest_ignore_collect(collection_path):
    """Leave out the native forms of other backends, which may be missing."""
    backend = collection_path.stem.partition("_")[0]
    native = collection_path.parent.name == "_backend"
    return True if native and backend in OTHER_BACKENDS else None


@pytest.fixture(autouse=True)
def _names(doctest_namespace):
    doctest_namespace.update(
        keras=keras, keras_attention=keras_attention, np=np
    )
    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session(free_memory=False)


if __name__ == "__main__":
    arguments = ["--doctest-modules", "--pyargs", "keras_attention"]
    plugin = sys.modules[__name__]
    sys.exit(pytest.main([*arguments, *sys.argv[1:]], plugins=[plugin]))
