"""Keras' own test suite of layers, which is private."""

import inspect

import pytest
from keras.src.testing import TestCase

from autodiff import subset
from cases import EVERYTHING
from cases import POINTS
from cases import RECURRENT

# One case per class, as the suite does not compare values. It makes no lists of
# tensors.
FIRST = list(
    {
        case.layer_cls: case
        for case in reversed(EVERYTHING)
        if case not in POINTS
    }.values()
)


# The suite trains from a generator, of which `fit` warns.
@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed")
@pytest.mark.parametrize("case", subset(FIRST, 2), ids=str)
def test_keras_layer_suite(case):
    suite = TestCase()
    suite.setUp()
    layer = case.generic()
    names = inspect.signature(layer.build).parameters
    shapes = dict(zip(names, case.shapes, strict=True))
    suite.run_layer_test(
        case.layer,  # makes arguments that are layers anew each time
        init_kwargs={},
        input_shape=shapes if len(shapes) > 1 else case.shapes[0],
        expected_output_shape=layer.compute_output_shape(*case.shapes),
        expected_num_trainable_weights=len(layer.trainable_weights),
        expected_num_non_trainable_weights=len(layer.non_trainable_weights),
        expected_num_seed_generators=case in RECURRENT,
        supports_masking=False,
        # Keras cannot train on inputs by name here, nor without weights, nor
        # knows that a model may have a loss of its own; our own tests train
        # all.
        run_training_check=bool(layer.trainable_weights and len(shapes) == 1)
        and case not in RECURRENT,
    )
