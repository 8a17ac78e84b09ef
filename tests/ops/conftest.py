"""The two forms of a sampler: the backend's own, and the plain twin."""

import pytest

from autodiff import BACKEND
from keras_attention import _backend
from keras_attention._backend import plain


# JAX's own is the plain one with another gather, and compiles for each anew.
@pytest.fixture(params=["native"] if BACKEND == "jax" else ["native", "plain"])
def form(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setattr(_backend, "grid_sample", plain.grid_sample)
    return request.param
