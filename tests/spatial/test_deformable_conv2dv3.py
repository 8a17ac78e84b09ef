"""Tests of `DeformableConv2DV3` beyond the contract."""

import numpy as np
import pytest

import published
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import assert_close
from keras_attention import DeformableConv2DV3
from published import Published

GOLDENS = [
    Published(name)
    for name in (
        "deform_v3",
        "deform_v3_remove_center",
        "deform_v3_center_scale",
        "deform_v3_strided",
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
    layer = DeformableConv2DV3(data_format="channels_last", **kwargs)
    layer.build((None, None, None, channels))
    return layer


def test_weights_are_named_for_their_roles():
    assert [role(weight) for weight in built().weights] == [
        *("norm_gamma", "norm_beta", "offset_kernel", "offset_bias"),
        *("mask_kernel", "mask_bias", "depthwise/kernel", "depthwise/bias"),
        *("value/kernel", "value/bias", "project/kernel", "project/bias"),
    ]


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({}, 12 * 64 + 108 * 65 + 2 * 64 * 65),
        ({"depthwise_kernel_size": 5}, 28 * 64 + 108 * 65 + 2 * 64 * 65),
        (
            {"remove_center": True, "center_feature_scale": True},
            12 * 64 + 96 * 65 + 2 * 64 * 65 + 4 * 65,
        ),
    ],
)
def test_has_as_many_parameters_as_published(arguments, count):
    assert built(**arguments).count_params() == count


def test_starts_as_the_mean_of_a_window(rng):
    x = rng.normal(size=(2, 7, 6, 8)).astype("float32")
    layer = DeformableConv2DV3(data_format="channels_last")
    layer.build(x.shape)
    for part in (layer.value, layer.project):
        part.kernel.assign(np.eye(8))
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    assert_close(layer(x), windows.mean((-1, -2)))
