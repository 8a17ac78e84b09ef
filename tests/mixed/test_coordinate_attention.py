import numpy as np
import pytest

import golden
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import assert_close
from contract.case import to_numpy
from golden import Golden
from golden import as_is
from keras_attention import CoordinateAttention

NAMES = {"conv1": "reduce", "conv_h": "expand_rows", "conv_w": "expand_columns"}
WEIGHTS = {
    **{
        f"{name}.weight": (f"{path}/kernel", golden.pointwise)
        for name, path in NAMES.items()
    },
    **{f"{name}.bias": (f"{path}/bias", as_is) for name, path in NAMES.items()},
    **golden.batch_norm("bn1", "norm"),
}
GOLDENS = [
    Golden(
        "coordinate",
        lambda **k: CoordinateAttention(2, **k),
        WEIGHTS,
        idle=("reduce/bias",),
    ),
    Golden(
        "coordinate_no_bias",
        lambda **k: CoordinateAttention(use_bias=False, **k),
        WEIGHTS,
        idle=("reduce/bias",),
    ),
]


@BOTH_WAYS
@pytest.mark.parametrize("case", GOLDENS, ids=lambda case: case.file)
def test_golden(case, data_format, compiled):
    golden.check_results(case, data_format, compiled)


@pytest.mark.parametrize("case", GOLDENS, ids=lambda case: case.file)
def test_statistics_after_a_training_step(case, data_format):
    golden.check_statistics(case, data_format)


@pytest.mark.parametrize(
    ("kwargs", "channels", "count"),
    [
        ({"reduction": 2}, 16, 440),
        ({"use_bias": False}, 16, 400),
        ({}, 64, 1_688),
        ({}, 512, 25_648),
        ({"hidden_units": 4}, 64, 908),
        ({"min_units": 1}, 64, 518),
    ],
)
def test_number_of_parameters(kwargs, channels, count):
    layer = CoordinateAttention(**kwargs)
    layer.build((None, 8, 8, channels))
    assert sum(w.numpy().size for w in layer.trainable_weights) == count


def test_weights_are_named_for_their_roles():
    layer = CoordinateAttention()
    layer.build((None, 8, 8, 4))
    assert [role(weight) for weight in layer.weights] == [
        "reduce/kernel",
        "reduce/bias",
        "norm/gamma",
        "norm/beta",
        "norm/moving_mean",
        "norm/moving_variance",
        "expand_rows/kernel",
        "expand_rows/bias",
        "expand_columns/kernel",
        "expand_columns/bias",
    ]


def test_gates_are_of_rows_and_of_columns(rng):
    x = rng.normal(size=(1, 5, 4, 8)).astype("float32")
    layer = CoordinateAttention()
    before = layer.attention(x)
    x[0, 2, 3] += 1
    after = layer.attention(x)
    for key, axis, index in (("height", 1, 2), ("width", 2, 3)):
        changed = to_numpy(before[key]) != to_numpy(after[key])
        lines = changed.any(axis=(0, 3 - axis, 3))
        assert np.flatnonzero(lines).tolist() == [index]


def test_transposed_map_has_transposed_gates_if_weights_are_swapped(rng):
    x = rng.normal(size=(2, 5, 4, 8)).astype("float32")
    layer = CoordinateAttention()
    expected, attention = layer(x, return_attention=True)
    *shared, rows, rows_bias, columns, columns_bias = layer.get_weights()
    layer.set_weights([*shared, columns, columns_bias, rows, rows_bias])
    y, transposed = layer(x.transpose(0, 2, 1, 3), return_attention=True)
    assert_close(to_numpy(y).transpose(0, 2, 1, 3), expected)
    gate = to_numpy(transposed["width"]).transpose(0, 2, 1, 3)
    assert_close(gate, attention["height"])
