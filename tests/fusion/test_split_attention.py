"""Tests of `SplitAttention` beyond the contract."""

import numpy as np
import pytest

import published
import references
from autodiff import BOTH_WAYS
from autodiff import role
from autodiff import subset
from autodiff import vjp
from contract.case import Case
from contract.case import assert_close
from contract.case import to_last
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import SplitAttention
from published import Published

GOLDENS = pytest.mark.parametrize(
    "case",
    [
        Published(f"split_attention{suffix}", has_channels=False)
        for suffix in ("", "_grouped", "_radix1")
    ],
    ids=str,
)


@GOLDENS
@BOTH_WAYS
def test_golden(case, data_format, compiled):
    published.check(case, data_format, compiled)


@GOLDENS
def test_statistics_after_a_training_step(case, data_format):
    published.check_statistics(case, data_format)


@GOLDENS
def test_loaded_weights_are_exported_unchanged(case):
    published.check_export(case)


def built(filters, channels=16, **kwargs):
    layer = SplitAttention(filters, data_format="channels_last", **kwargs)
    layer.build((None, None, None, channels))
    return layer


@pytest.mark.parametrize("groups", [1, 2])
def test_weights_are_named_for_their_roles(groups):
    layer = built(8, groups=groups)
    assert [role(weight) for weight in layer.trainable_weights] == [
        "splits/conv/kernel",
        "splits/norm/gamma",
        "splits/norm/beta",
        "squeeze/kernel",
        "squeeze/bias",
        "squeeze_norm/gamma",
        "squeeze_norm/beta",
        "select/kernel",
        "select/bias",
    ]


@pytest.mark.parametrize(
    ("filters", "kwargs", "count"),
    [
        # Those of the first stage of ResNeSt-50.
        (64, {}, 36_864 + 256 + 2_048 + 32 + 64 + 4_096 + 128),
        (64, {"groups": 2}, 18_432 + 256 + 1_024 + 32 + 64 + 2_048 + 128),
        (64, {"radix": 1}, 36_864 + 128 + 2_048 + 32 + 64 + 2_048 + 64),
    ],
)
def test_has_as_many_parameters_as_published(filters, kwargs, count):
    weights = built(filters, 64, **kwargs).trainable_weights
    assert sum(np.prod(weight.shape) for weight in weights) == count


@pytest.mark.parametrize(
    ("kwargs", "hidden"),
    [
        ({"filters": 8}, 32),
        ({"filters": 8, "min_units": 1}, 8),
        ({"filters": 8, "min_units": 1, "radix": 4}, 16),
        ({"filters": 8, "reduction": 1, "min_units": 1}, 32),
        ({"filters": 8, "hidden_units": 7}, 7),
    ],
)
def test_hidden_units_follow_from_the_input(kwargs, hidden):
    assert built(**kwargs).squeeze.units == hidden


@pytest.mark.parametrize("groups", [1, 2])
def test_attention_sums_to_one_over_the_splits(groups, rng):
    x = rng.normal(size=(2, 5, 6, 24)).astype("float32")
    layer = built(8, 24, radix=3, groups=groups)
    attention = to_numpy(layer.attention(x))
    assert attention.shape == (2, 3, 8)
    assert_close(attention.sum(axis=1), np.ones((2, 8)))


def test_logits_are_ordered_by_group_and_splits_are_not():
    layer = built(4, groups=2)
    bias = np.zeros(8)
    bias[2:4] = 100  # the second split of the first group
    layer.select.kernel.assign(np.zeros(layer.select.kernel.shape))
    layer.select.bias.assign(bias)
    attention = to_numpy(layer.attention(np.ones((1, 3, 3, 16))))
    expected = [[[0, 0, 0.5, 0.5], [1, 1, 0.5, 0.5]]]
    assert_close(attention, np.array(expected))


def test_each_split_is_computed_from_its_own_channels(rng):
    layer = built(4)
    x = rng.normal(size=(1, 3, 3, 16)).astype("float32")
    before = to_numpy(layer.splits(x))
    x[..., 8:] += 1
    changed = (to_numpy(layer.splits(x)) != before).any(axis=(0, 1, 2))
    assert not changed[:4].any()
    assert changed[4:].any()


GEOMETRIES = [
    {"strides": 2, "kernel_size": 3, "dilation_rate": 2},
    {"strides": 3, "kernel_size": 4, "groups": 2},
    {"strides": 2, "kernel_size": 1, "dilation_rate": 3},
]


@pytest.mark.parametrize("size", subset([(7, 8), (8, 5), (1, 1)], 2))
@pytest.mark.parametrize("kwargs", GEOMETRIES, ids=str)
def test_strides_and_dilation(kwargs, size, data_format):
    case = Case(SplitAttention, {"filters": 4, **kwargs}, ((2, *size, 8),))
    layer, inputs = case.generic(data_format=data_format), case.inputs()
    x = to_layout(inputs[0], data_format)
    expected = references.run(layer, inputs)[0]
    assert_close(to_last(layer(x), data_format), expected)
    assert tuple(layer(x).shape) == layer.compute_output_shape(x.shape)


def test_numbers_that_do_not_divide_raise():
    for arguments, received in (
        ({"filters": 8, "groups": 3}, "`filters` (8). Received: groups=3"),
        (
            {"filters": 8, "groups": 2, "hidden_units": 5},
            "`hidden_units` (5). Received: groups=2",
        ),
    ):
        with pytest.raises(ValueError, match="`groups` must divide") as error:
            SplitAttention(**arguments)
        assert str(error.value).endswith(received)
    with pytest.raises(ValueError, match=r"hidden units \(32\).*groups=3"):
        built(9, 18, groups=3)
    with pytest.raises(ValueError, match=r"16 channels.*groups=1, radix=3"):
        built(8, radix=3)


@pytest.mark.parametrize("groups", [1, 2])
def test_batches_of_one_sample_train(groups, rng):
    x = rng.normal(size=(1, 5, 6, 16)).astype("float32")
    outputs, gradients, weight_gradients = vjp(
        built(8, groups=groups),
        [x],
        np.ones((1, 5, 6, 8), "float32"),
        training=True,
    )
    for array in (outputs, *gradients, *weight_gradients.values()):
        assert np.isfinite(array).all()
