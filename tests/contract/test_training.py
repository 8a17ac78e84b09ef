"""Training with plain `compile` and `fit`, eager and compiled."""

import numpy as np
import pytest

from autodiff import FIT_MODES
from contract.case import to_numpy
from contract.selection import for_cases


@for_cases(lambda case: case.has_weights and not case.samples_locations)
@pytest.mark.parametrize("mode", FIT_MODES)
def test_fit_changes_every_weight(case, mode):
    model = case.model()
    before = [to_numpy(weight).copy() for weight in model.trainable_weights]
    model.compile(optimizer="sgd", loss="mse", **FIT_MODES[mode])
    targets = case.cotangent()
    history = model.fit(case.inputs(), targets, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    for weight, old in zip(model.trainable_weights, before, strict=True):
        way = np.abs(to_numpy(weight) - old).max()
        idle = weight.path.endswith(case.idle_weights + case.inert_weights)
        assert way < 1e-4 if idle else way > 0, weight.path


@for_cases()
def test_regularizers_are_counted(case):
    layer = case.generic()
    regularized = case.kwargs.get("kernel_regularizer") is not None
    assert bool(layer.losses) == regularized
