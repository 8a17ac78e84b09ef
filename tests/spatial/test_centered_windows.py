"""Tests of the windows of deformable convolutions v3 and v4."""

import numpy as np
import pytest

import references
from contract.case import assert_close
from contract.case import each
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import DeformableConv2DV3
from keras_attention import DeformableConv2DV4

CLASSES = pytest.mark.parametrize(
    "layer_cls", [DeformableConv2DV3, DeformableConv2DV4]
)


def with_weights(layer, shape, rng):
    layer.build(shape)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    return layer


@CLASSES
@pytest.mark.parametrize("size", [8, 9])
def test_padding_of_half_a_window_is_that_of_same(layer_cls, size, rng):
    x = rng.normal(size=(2, size, size, 8)).astype("float32")
    settings = {"kernel_size": 5, "strides": 2, "dilation_rate": (1, 2)}
    settings["data_format"] = "channels_last"
    layer = with_weights(layer_cls(**settings), x.shape, rng)
    other = layer_cls(**settings, padding=(2, 4))
    other.build(x.shape)
    other.set_weights(layer.get_weights())
    expected = to_numpy(layer(x))
    assert expected.shape == (2, -(-size // 2), -(-size // 2), 8)
    assert layer.compute_output_shape(x.shape) == expected.shape
    assert_close(to_numpy(other(x)), expected)


@CLASSES
@pytest.mark.parametrize("depthwise_kernel_size", [None, 3])
@pytest.mark.parametrize("padding", ["valid", (1, 0)])
def test_padding_of_less_than_half_a_window(
    layer_cls, depthwise_kernel_size, padding, data_format, rng
):
    """The first windows have their centers inside the map."""
    x = to_layout(rng.normal(size=(2, 8, 9, 8)), data_format).astype("float32")
    layer = layer_cls(
        kernel_size=5,
        strides=(1, 2),
        padding=padding,
        depthwise_kernel_size=depthwise_kernel_size,
        center_feature_scale=True,
        data_format=data_format,
    )
    layer = with_weights(layer, x.shape, rng)
    outputs = layer(x, return_attention=True)
    last = np.moveaxis(x, 1, -1) if data_format == "channels_first" else x
    expected = each(
        lambda z: to_layout(z, data_format), references.run(layer, [last])
    )
    assert_close(outputs, expected, 1e-4)


@CLASSES
def test_sizes_may_be_integers_of_numpy(layer_cls):
    layer = layer_cls(kernel_size=np.int64(5), padding=np.int32(1))
    assert (
        layer.get_config() == layer.from_config(layer.get_config()).get_config()
    )
    assert (layer.kernel_size, layer.padding) == ((5, 5), (1, 1))


@CLASSES
@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"kernel_size": 4}, "one or two odd positive integers"),
        ({"depthwise_kernel_size": 2}, "odd positive integers or None"),
        ({"kernel_size": 1, "remove_center": True}, "`remove_center` must be"),
    ],
)
def test_invalid_kernels_are_errors(layer_cls, kwargs, message):
    with pytest.raises(ValueError, match=message):
        layer_cls(**kwargs)
