"""Tests of `DeformableConv2DV4` beyond the contract."""

import numpy as np
import pytest

import published
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import to_numpy
from keras_attention import DeformableConv2DV4
from published import Published

GOLDENS = [
    Published(name)
    for name in (
        "deform_v4",
        "deform_v4_depthwise",
        "deform_v4_center",
        "deform_v4_bare",
    )
]


@BOTH_WAYS
@pytest.mark.parametrize("golden", GOLDENS, ids=str)
def test_golden(golden, data_format, compiled):
    published.check(golden, data_format, compiled)


@pytest.mark.parametrize("golden", GOLDENS, ids=str)
def test_export_has_the_weights_of_the_golden_file(golden):
    published.check_export(golden)


def built(channels=64, **kwargs):
    layer = DeformableConv2DV4(data_format="channels_last", **kwargs)
    layer.build((None, None, None, channels))
    return layer


def test_weights_are_named_for_their_roles():
    assert [role(weight) for weight in built().weights] == [
        *("offset_mask_kernel", "offset_mask_bias"),
        *("value/kernel", "value/bias", "project/kernel", "project/bias"),
    ]


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({}, 112 * 65 + 2 * 64 * 65),
        ({"depthwise_kernel_size": 3}, 112 * 65 + 2 * 64 * 65 + 10 * 64),
        ({"output_bias": False}, 112 * 65 + 2 * 64 * 65 - 64),
        ({"pointwise": False, "remove_center": True}, 96 * 65),
        (
            {"groups": 8, "center_feature_scale": True},
            216 * 65 + 2 * 64 * 65 + 8 * 65,
        ),
    ],
)
def test_has_as_many_parameters_as_published(arguments, count):
    assert built(**arguments).count_params() == count


def test_mask_and_outputs_start_at_zero(rng):
    x = rng.normal(size=(2, 7, 6, 8)).astype("float32")
    y, attention = DeformableConv2DV4()(x, return_attention=True)
    assert not np.any(to_numpy(y))
    assert not np.any(to_numpy(attention["mask"]))
    assert not np.any(to_numpy(attention["offsets"]))


def test_unused_columns_have_no_effect(rng):
    x = rng.normal(size=(2, 5, 6, 8)).astype("float32")
    layer = DeformableConv2DV4(data_format="channels_last")
    layer.build(x.shape)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    before = to_numpy(layer(x))
    kernel = to_numpy(layer.offset_mask_kernel).copy()
    kernel[:, 108:] = np.nan
    layer.offset_mask_kernel.assign(kernel)
    np.testing.assert_array_equal(to_numpy(layer(x)), before)
