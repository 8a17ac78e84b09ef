"""Training with plain `compile` and `fit`, eager and compiled."""

import numpy as np
import pytest

from autodiff import BACKEND
from contract.case import to_numpy
from contract.registry import check

MODES = {
    "eager": {"run_eagerly": True},
    "graph": {"jit_compile": False},
    "xla": {"jit_compile": True},
}
# Keras uses XLA by default, except on PyTorch, where it advises against
# compilation. `vjp` covers eager execution on the other backends.
MODES_OF = {
    "jax": ("xla",),
    "tensorflow": ("graph", "xla"),
    "torch": ("eager",),
}


@check
@pytest.mark.parametrize("mode", MODES_OF.get(BACKEND, ()))
def fit_changes_every_weight(case, mode):
    model = case.model()
    before = [to_numpy(weight).copy() for weight in model.trainable_weights]
    model.compile(optimizer="sgd", loss="mse", **MODES[mode])
    targets = case.cotangent()
    history = model.fit(case.inputs(), targets, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    for weight, old in zip(model.trainable_weights, before, strict=True):
        way = np.abs(to_numpy(weight) - old).max()
        idle = weight.path.endswith(case.idle_weights)
        assert way < 1e-4 if idle else way > 0, weight.path


@check
def regularizers_are_counted(case):
    layer = case.generic()
    regularized = case.kwargs.get("kernel_regularizer") is not None
    assert bool(layer.losses) == regularized
