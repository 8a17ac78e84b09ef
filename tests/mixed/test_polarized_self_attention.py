import keras
import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from golden import Golden
from golden import as_is
from keras_attention import PolarizedSelfAttention

SHARED = {
    "conv_q_right.weight": ("channel_query/kernel", golden.pointwise),
    "conv_v_right.weight": ("channel_value/kernel", golden.pointwise),
    "conv_q_left.weight": ("spatial_query/kernel", golden.pointwise),
    "conv_v_left.weight": ("spatial_value/kernel", golden.pointwise),
}
GOLDENS = {
    "parallel": SHARED
    | {"conv_up.weight": ("expand/kernel", golden.pointwise)},
    "sequential": SHARED
    | {
        "conv_up.0.weight": ("reduce/kernel", golden.pointwise),
        "conv_up.0.bias": ("reduce/bias", as_is),
        "conv_up.1.weight": ("gamma", golden.vector),
        "conv_up.1.bias": ("beta", golden.vector),
        "conv_up.3.weight": ("expand/kernel", golden.pointwise),
        "conv_up.3.bias": ("expand/bias", as_is),
    },
}


@BOTH_WAYS
@pytest.mark.parametrize("mode", GOLDENS)
def test_golden(mode, data_format, compiled):
    case = Golden(
        f"polarized_{mode}",
        lambda **k: PolarizedSelfAttention(mode, **k),
        GOLDENS[mode],
    )
    golden.check_results(case, data_format, compiled)


@pytest.mark.parametrize(
    ("mode", "channels", "count"),
    [
        ("parallel", 16, 528),
        ("parallel", 64, 8_256),
        ("sequential", 32, 1_804),
        ("sequential", 64, 7_064),
    ],
)
def test_number_of_parameters(mode, channels, count):
    layer = PolarizedSelfAttention(mode)
    layer.build((None, 8, 8, channels))
    assert layer.count_params() == count


@pytest.mark.parametrize("mode", GOLDENS)
def test_weights_are_named_for_their_roles(mode):
    layer = PolarizedSelfAttention(mode)
    layer.build((None, 8, 8, 16))
    expected = {path for path, _ in GOLDENS[mode].values()}
    assert {role(weight) for weight in layer.weights} == expected


@pytest.mark.parametrize("mode", GOLDENS)
@pytest.mark.parametrize("channels", [1, 2, 7])
def test_few_channels(mode, channels, rng):
    layer = PolarizedSelfAttention(mode)
    y = to_numpy(layer(rng.normal(size=(2, 3, 4, channels))))
    assert np.isfinite(y).all()


def test_scores_of_positions_sum_to_one_in_parallel_mode(rng):
    x = 3 * rng.normal(size=(2, 5, 4, 8)).astype("float32")
    gate = to_numpy(PolarizedSelfAttention().attention(x)["spatial"])
    scores = np.log(gate / (1 - gate))
    assert_close(scores.sum((1, 2, 3)), np.ones(2, "float32"))


def test_sequential_mode_gates_the_gated_map(rng):
    x = rng.normal(size=(2, 5, 4, 8)).astype("float32")
    layer = PolarizedSelfAttention("sequential")
    y, attention = layer(x, return_attention=True)
    channel, spatial = (
        to_numpy(attention[key]) for key in ("channel", "spatial")
    )
    assert_close(y, x * channel * spatial)


def test_values_that_may_be_quantized_give_the_same_scores(rng, monkeypatch):
    """A quantized layer is called for each position."""
    x = rng.normal(size=(2, 5, 4, 8)).astype("float32")
    layer = PolarizedSelfAttention()
    expected = layer.attention(x)
    called = []
    monkeypatch.setattr(
        "keras_attention._base.calls.weights", lambda layer: None
    )
    monkeypatch.setattr(
        keras.layers.Dense,
        "call",
        lambda self, z, training=None: (
            called.append(self.name) or keras.ops.matmul(z, self.kernel)
        ),
    )
    assert_close(layer.attention(x), expected)
    assert "spatial_value" in called


def test_constant_map_has_equal_gates_of_positions():
    x = np.full((1, 3, 4, 8), 2.0, "float32")
    for mode in GOLDENS:
        gate = PolarizedSelfAttention(mode).attention(x)["spatial"]
        gate = to_numpy(gate)
        assert_close(gate, np.full_like(gate, gate[0, 0, 0, 0]))
    assert_same(gate.shape, (1, 3, 4, 1))
