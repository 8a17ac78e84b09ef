"""The two forms of a sampler: the native one, and its definition."""

import pytest

from autodiff import BACKEND
from keras_attention.ops import sampling
from native_forms import definition


# On JAX the native form is the compiled definition.
@pytest.fixture(params=["native"] if BACKEND == "jax" else ["native", "keras"])
def form(request, monkeypatch):
    if request.param == "keras":
        monkeypatch.setattr(sampling, "interpolate", definition("interpolate"))
    return request.param
