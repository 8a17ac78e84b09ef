"""Tests of `LargeKernelAttention` beyond the contract."""

import numpy as np
import pytest

import published
from autodiff import BOTH_WAYS
from autodiff import role
from contract.case import to_numpy
from keras_attention import LargeKernelAttention
from keras_attention import export_reference_weights
from keras_attention import load_reference_weights
from published import Published


@BOTH_WAYS
def test_golden(data_format, compiled):
    published.check(Published("lka"), data_format, compiled)


def built(*args, channels=16, **kwargs):
    layer = LargeKernelAttention(*args, data_format="channels_last", **kwargs)
    layer.build((None, None, None, channels))
    return layer


def test_weights_are_named_for_their_roles():
    assert [role(weight) for weight in built().weights] == [
        f"{part}/{weight}"
        for part in ("local", "dilated", "pointwise")
        for weight in ("kernel", "bias")
    ]


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({}, 64**2 + 77 * 64),
        ({"use_bias": False}, 64**2 + 74 * 64),
        ({"kernel_size": 3, "dilated_kernel_size": 5}, 64**2 + 37 * 64),
    ],
)
def test_has_as_many_parameters_as_published(arguments, count):
    assert built(channels=64, **arguments).count_params() == count


def test_kernels_are_initialized_as_in_pytorch():
    layer = built(channels=512)
    for name, inputs in (("local", 25), ("dilated", 49), ("pointwise", 512)):
        kernel = np.abs(to_numpy(getattr(layer, name).kernel))
        assert 0.99 < kernel.max() * np.sqrt(inputs) <= 1


def test_an_output_depends_on_a_window_of_23_positions():
    layer = built(channels=1)
    layer.set_weights([np.ones(w.shape) for w in layer.weights])
    x = np.zeros((1, 41, 41, 1), "float32")
    blank = to_numpy(layer.attention(x))
    x[0, 20, 20] = 1
    seen = np.argwhere(to_numpy(layer.attention(x)) != blank)[:, 1:3]
    assert (seen.max(0) - seen.min(0) + 1).tolist() == [23, 23]


def test_float16_ends_at_its_largest_numbers():
    layer = built(channels=1, dtype="float16")
    layer.local.kernel.assign(np.ones((5, 5, 1, 1)))
    layer.dilated.kernel.assign(np.ones((7, 7, 1, 1)))
    layer.pointwise.kernel.assign([[1000]])
    x = np.array([-60, 60, 100], "float16").reshape(3, 1, 1, 1)
    y, attention = layer(x, return_attention=True)
    assert to_numpy(attention).ravel().tolist() == [-60000, 60000, 65504]
    assert (to_numpy(y) == np.finfo("float16").max).all()


@pytest.mark.parametrize(
    ("layout", "names"),
    [
        ("official", ("conv0", "conv_spatial", "conv1")),
        ("mmpretrain", ("DW_conv", "DW_D_conv", "conv1")),
    ],
)
def test_published_names(layout, names, rng):
    layer, another = built(), built()
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    weights = export_reference_weights(layer, layout)
    assert {name: weights[f"{name}.weight"].shape for name in names} == dict(
        zip(names, [(16, 1, 5, 5), (16, 1, 7, 7), (16, 16, 1, 1)], strict=True)
    )
    prefixed = {f"block1.0.attn.{name}": weights[name] for name in weights}
    load_reference_weights(another, prefixed)
    for old, new in zip(layer.weights, another.weights, strict=True):
        np.testing.assert_array_equal(to_numpy(old), to_numpy(new))
