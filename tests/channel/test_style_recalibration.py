import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from autodiff import role
from autodiff import vjp
from contract.case import assert_close
from contract.case import to_numpy
from golden import Golden
from keras_attention import StyleRecalibration

GOLDEN = Golden(
    "srm",
    StyleRecalibration,
    {"cfc": ("kernel", golden.as_is), **golden.batch_norm("bn", "norm")},
    squeezed=("kernel", "norm"),
)


def built(channels=16, **kwargs):
    layer = StyleRecalibration(**kwargs)
    layer.build((None, None, None, channels))
    return layer


def logits(layer, x):
    gate = to_numpy(layer.attention(x)).astype("float64")
    return np.log(gate / (1 - gate))[:, 0, 0]


@BOTH_WAYS
def test_golden(data_format, compiled):
    golden.check_results(GOLDEN, data_format, compiled)


def test_statistics_after_a_training_step(data_format):
    golden.check_statistics(GOLDEN, data_format)


def test_weights_are_named_for_their_roles():
    layer = built()
    statistics = ["norm/moving_mean", "norm/moving_variance"]
    assert [role(weight) for weight in layer.weights] == [
        "kernel",
        "norm/gamma",
        "norm/beta",
        *statistics,
    ]
    assert sum(np.prod(w.shape) for w in layer.trainable_weights) == 4 * 16


@pytest.mark.parametrize("training", [True, False])
def test_gates_start_at_one_half(training, rng):
    x = rng.normal(size=(2, 5, 6, 16)).astype("float32")
    assert_close(built()(x, training=training), x / 2)


def test_style_is_mean_and_unbiased_deviation(rng):
    x = rng.normal(3, 2, size=(2, 5, 6, 16)).astype("float32")
    for column, expected in (
        (0, x.mean((1, 2))),
        (1, x.std((1, 2), ddof=1)),
    ):
        layer = built()
        kernel = np.zeros((16, 2))
        kernel[:, column] = 1
        layer.kernel.assign(kernel)
        assert_close(logits(layer, x), expected, 1e-4)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_deviation_of_constant_channels_is_the_root_of_epsilon(dtype):
    layer = built(epsilon=0.25, dtype=dtype)
    layer.kernel.assign(np.tile([0, 1], (16, 1)))
    for size in (1, 4):
        x = np.full((2, size, size, 16), 7, "float32")
        assert_close(logits(layer, x), np.full((2, 16), 0.5), 2e-3)


def test_gradients_of_constant_maps_are_finite():
    layer = built(kernel_initializer="ones")
    for size in (1, 4):
        x = np.zeros((2, size, size, 16), "float32")
        for training in (True, False):
            found = vjp(layer, [x], np.ones_like(x), training=training)
            outputs, (gradient,), weights = found
            for array in (outputs, gradient, *weights.values()):
                assert np.isfinite(array).all()


def test_gate_of_one_sample_in_training_is_constant(rng):
    layer = built(kernel_initializer="ones")
    layer.norm.beta.assign(np.linspace(-1, 1, 16))
    x = rng.normal(size=(1, 5, 6, 16)).astype("float32")
    outputs = layer(x, training=True)
    gate = 1 / (1 + np.exp(-np.linspace(-1, 1, 16, dtype="float32")))
    assert_close(outputs, x * gate)
