"""Tests of `SelectiveKernel` beyond the contract."""

import itertools
import re

import keras
import numpy as np
import pytest

import references
from autodiff import role
from autodiff import subset
from autodiff import vjp
from contract.case import Case
from contract.case import assert_close
from contract.case import to_last
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import SelectiveKernel
from keras_attention._base.conv_norm import _split_steps


def built(filters, channels=16, **kwargs):
    layer = SelectiveKernel(filters, data_format="channels_last", **kwargs)
    layer.build((None, None, None, channels))
    return layer


def parameters(layer):
    return sum(np.prod(weight.shape) for weight in layer.trainable_weights)


def test_weights_are_named_for_their_roles():
    layer = built(8, use_bias=False)
    assert [role(weight) for weight in layer.trainable_weights] == [
        "path_0/conv/kernel",
        "path_0/norm/gamma",
        "path_0/norm/beta",
        "path_1/conv/kernel",
        "path_1/norm/gamma",
        "path_1/norm/beta",
        "squeeze/kernel",
        "squeeze_norm/gamma",
        "squeeze_norm/beta",
        "select/kernel",
    ]


@pytest.mark.parametrize(
    ("kwargs", "count"),
    [
        ({}, 18_016),
        # The same without the biases: 2 * 128, 32 and 2 * 128.
        ({"use_bias": False}, 17_472),
        # Half of each kernel of 3 * 3 * 2 * 128 numbers.
        ({"split_input": True}, 18_016 - 2_304),
    ],
)
def test_has_as_many_parameters_as_published(kwargs, count):
    assert parameters(built(128, 64, groups=32, **kwargs)) == count


@pytest.mark.parametrize(
    ("kwargs", "hidden"),
    [
        ({"filters": 128}, 32),
        ({"filters": 1024}, 64),
        ({"filters": 1024, "reduction": 8}, 128),
        ({"filters": 64, "min_units": 1}, 4),
        ({"filters": 1024, "hidden_units": 7}, 7),
    ],
)
def test_hidden_units_have_a_minimum(kwargs, hidden):
    assert built(**kwargs).squeeze.units == hidden


def test_attention_sums_to_one_over_the_paths(rng):
    x = rng.normal(size=(2, 5, 6, 16)).astype("float32")
    attention = to_numpy(built(8, paths=3).attention(x))
    assert attention.shape == (2, 3, 8)
    assert_close(attention.sum(axis=1), np.ones((2, 8)))


def test_logits_are_ordered_by_path():
    layer = built(4, paths=3, min_units=4)
    bias = np.zeros(12)
    bias[4:8] = 100
    layer.select.bias.assign(bias)
    attention = layer.attention(np.ones((1, 3, 3, 16)))
    expected = np.zeros((1, 3, 4))
    expected[:, 1] = 1
    assert_close(attention, expected)


GEOMETRIES = [
    {"strides": strides, "kernel_size": kernel_size, "groups": groups}
    for strides, kernel_size, groups in (
        (1, 5, 1),
        (2, 1, 4),
        (2, 3, 4),
        (2, 3, 2),
        (3, 3, 1),
        (4, 2, 1),
    )
]


@pytest.mark.parametrize("size", subset([(7, 8), (8, 5), (1, 1)], 2))
@pytest.mark.parametrize("kwargs", GEOMETRIES, ids=str)
def test_stride_and_dilation_together(kwargs, size, data_format):
    """All combinations with paths of dilation 1 to 4."""
    shape = (2, *size, 8)
    case = Case(SelectiveKernel, {"filters": 4, "paths": 4, **kwargs}, (shape,))
    layer, inputs = case.generic(data_format=data_format), case.inputs()
    x = to_layout(inputs[0], data_format)
    expected = references.run(layer, inputs)[0]
    assert_close(to_last(layer(x), data_format), expected)
    assert tuple(layer(x).shape) == layer.compute_output_shape(x.shape)


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_groups_have_gradients(groups, data_format, rng):
    """TensorFlow differentiates grouped convolutions on CPUs by XLA only."""
    x = to_layout(rng.normal(size=(2, 5, 6, 8)).astype("float32"), data_format)
    layer = SelectiveKernel(
        8, groups=groups, strides=2, paths=3, data_format=data_format
    )
    layer.build(x.shape)
    cotangent = np.ones(layer.compute_output_shape(x.shape), "float32")
    _, gradients, weight_gradients = vjp(layer, [x], cotangent, training=True)
    for index in range(3):
        gradient = weight_gradients[f"path_{index}/conv/kernel"]
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 0
    assert np.isfinite(gradients[0]).all()


def test_bias_is_added_to_channels_of_maps_as_wide_as_filters(data_format, rng):
    """Keras' `Conv2D` on TensorFlow adds it along the width of such maps."""
    layer = SelectiveKernel(4, paths=1, data_format=data_format)
    x = to_layout(rng.normal(size=(1, 4, 4, 2)).astype("float32"), data_format)
    layer.build(x.shape)
    layer.branches[0].conv.kernel.assign(np.zeros((3, 3, 2, 4)))
    layer.branches[0].bias.assign(np.arange(4.0))
    expected = np.arange(4.0) / np.sqrt(1 + 1e-5) * np.ones((1, 4, 4, 1))
    assert_close(to_last(layer(x), data_format), expected)


def test_only_needed_windows_are_computed():
    """Windows that are discarded afterwards are avoided where possible."""
    for strides, dilation in itertools.product(range(1, 7), repeat=2):
        before, stride, rate, after = _split_steps(strides, dilation)
        assert before * stride * after == strides
        assert before * rate == dilation
        assert 1 in (stride, rate)
    assert _split_steps(2, 2) == (2, 1, 1, 1)
    assert _split_steps(2, 4) == (2, 1, 2, 1)
    assert _split_steps(2, 3) == (1, 1, 3, 2)


def test_padding_is_the_same_on_both_sides():
    """`padding="same"` with a stride would be asymmetric for even sizes."""
    layer = built(1, channels=1, paths=1, strides=2, use_bias=False)
    layer.branches[0].conv.kernel.assign(np.eye(9)[4].reshape(3, 3, 1, 1))
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    expected = x[:, ::2, ::2] / np.sqrt(1 + 1e-5)
    assert_close(layer(x), expected)


def test_each_path_receives_its_part_of_the_input(rng):
    """With equal weights, a change of one part changes the map of one path."""
    x = rng.normal(size=(2, 5, 6, 16)).astype("float32")
    layer = built(8, paths=4, split_input=True)
    maps = [
        to_numpy(branch(part))
        for branch, part in zip(
            layer.branches, np.split(x, 4, axis=-1), strict=True
        )
    ]
    layer.select.kernel.assign(np.zeros(layer.select.kernel.shape))
    assert_close(layer(x), sum(maps) / 4)


@pytest.mark.parametrize(
    ("kwargs", "channels", "message"),
    [
        ({"groups": 3}, 16, "the number of channels of a path (16)"),
        (
            {"groups": 4, "split_input": True, "paths": 3},
            6,
            "the number of channels of a path (2)",
        ),
        (
            {"split_input": True, "paths": 3},
            16,
            "`paths` must divide the number of channels (16)",
        ),
    ],
)
def test_channels_that_do_not_divide_raise(kwargs, channels, message):
    message = rf"{re.escape(message)}\. Received: "
    with pytest.raises(ValueError, match=message):
        built(12, channels, **kwargs)


def test_filters_that_do_not_divide_raise():
    message = r"`groups` must divide `filters` \(8\)\. Received: groups=3"
    with pytest.raises(ValueError, match=message):
        SelectiveKernel(8, groups=3)


def test_batches_of_one_sample_train(rng):
    x = rng.normal(size=(1, 5, 6, 16)).astype("float32")
    outputs, gradients, weight_gradients = vjp(
        built(8), [x], np.ones((1, 5, 6, 8), "float32"), training=True
    )
    for array in (outputs, *gradients, *weight_gradients.values()):
        assert np.isfinite(array).all()


def test_normalization_has_the_constants_of_the_authors():
    layer = built(8)
    norms = [branch.norm for branch in layer.branches] + [layer.squeeze_norm]
    for norm in norms:
        assert isinstance(norm, keras.layers.BatchNormalization)
        assert (norm.momentum, norm.epsilon) == (0.9, 1e-5)
