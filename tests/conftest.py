"""What all tests share: one seed, both layouts."""

import importlib.util

if importlib.util.find_spec("torch"):
    import torch  # noqa: F401  torch must be loaded before tensorflow

import keras
import numpy as np
import pytest

pytest.register_assert_rewrite("contract", "golden")


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
