"""The two forms of a sampler: the backend's own, and the plain twin."""

import pytest

from keras_attention import _backend
from keras_attention._backend import plain


@pytest.fixture(params=["native", "plain"])
def form(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setattr(_backend, "grid_sample", plain.grid_sample)
    return request.param
