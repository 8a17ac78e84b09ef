"""What all tests share: one seed, both layouts."""

import gc
import importlib.util
import itertools

if importlib.util.find_spec("torch"):
    import torch  # noqa: F401  torch must be loaded before tensorflow

import keras
import numpy as np
import pytest

pytest.register_assert_rewrite("contract", "golden")


TESTS = itertools.count(1)


def pytest_runtest_teardown():
    """Spare the garbage collector what is there to stay.

    Backends keep what they compiled, and Keras collects garbage for each kernel
    that it quantizes: to look through all of that again and again took a tenth
    of the time on JAX.
    """
    if next(TESTS) % 50 == 0:
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session(free_memory=False)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=["channels_last", "channels_first"])
def data_format(request):
    return request.param
