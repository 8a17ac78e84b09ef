"""Regression tests of failures that generated cases found."""

import functools

import numpy as np
import pytest

from autodiff import BACKEND
from autodiff import float64
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import CBAM
from keras_attention import AttentionalFeatureFusion
from keras_attention import ConvOffset2D
from keras_attention import DeformableConv2D
from keras_attention import DeformableConv2DV3
from keras_attention import DeformableConv2DV4
from keras_attention import GlimpseSensor
from keras_attention import IterativeAttentionalFeatureFusion
from keras_attention import MultiScaleChannelAttention
from keras_attention import ResidualAttention
from keras_attention import SelectiveKernel
from keras_attention import SpatialAttention
from keras_attention.ops import deform_conv2d


@pytest.mark.parametrize(
    ("layer_cls", "inputs"),
    [
        (MultiScaleChannelAttention, 1),
        (AttentionalFeatureFusion, 2),
        (IterativeAttentionalFeatureFusion, 2),
    ],
)
def test_multi_scale_attention_of_no_samples(layer_cls, inputs, data_format):
    """PyTorch cannot infer sizes of empty tensors in a reshape."""
    x = to_layout(np.zeros((0, 4, 5, 8), "float32"), data_format)
    layer = layer_cls(data_format=data_format)
    assert to_numpy(layer(*[x] * inputs)).shape == x.shape


def test_deformable_convolution_of_no_samples(data_format):
    if BACKEND == "tensorflow":
        pytest.skip("TensorFlow cannot convolve them: see the next test.")
    x = to_layout(np.zeros((0, 4, 5, 2), "float32"), data_format)
    y = to_layout(np.zeros((0, 4, 5, 3), "float32"), data_format)
    layer = DeformableConv2D(3, data_format=data_format)
    assert to_numpy(layer(x)).shape == y.shape


def test_glimpses_of_no_images(data_format):
    """JAX cannot index an empty tensor."""
    images = to_layout(np.zeros((0, 4, 5, 3), "float32"), data_format)
    layer = GlimpseSensor(2, num_scales=2, data_format=data_format)
    found = to_numpy(layer(images, np.zeros((0, 2), "float32")))
    channels = (3, 2, 2) if data_format == "channels_first" else (2, 2, 3)
    assert found.shape == (0, 2, *channels)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="only TensorFlow cannot")
@pytest.mark.parametrize(
    "make",
    [
        lambda data_format: CBAM(2, data_format=data_format),
        lambda data_format: SpatialAttention(data_format=data_format),
        lambda data_format: SelectiveKernel(4, data_format=data_format),
        lambda data_format: ResidualAttention(1, data_format=data_format),
        lambda data_format: ConvOffset2D(data_format=data_format),
        lambda data_format: DeformableConv2D(3, data_format=data_format),
    ],
)
def test_convolution_of_no_samples_raises(make, data_format):
    """TensorFlow returned the input shape, whatever the filters."""
    x = to_layout(np.zeros((0, 4, 5, 8), "float32"), data_format)
    with pytest.raises(ValueError, match=r"at least one sample .*Received: x"):
        make(data_format)(x)


@pytest.mark.skipif(BACKEND == "jax", reason="XLA has all; it takes minutes.")
@pytest.mark.parametrize("dtype", ["float64", "mixed_float16", "float16"])
@pytest.mark.parametrize(
    "make",
    [
        lambda **kwargs: SelectiveKernel(4, groups=2, **kwargs),
        lambda **kwargs: ResidualAttention(1, trunk=1, **kwargs),
        lambda **kwargs: ConvOffset2D(**kwargs),
        lambda **kwargs: DeformableConv2D(3, **kwargs),
    ],
)
def test_channels_first_in_all_precisions(make, dtype):
    """TensorFlow on CPUs convolves channels that are first in float32 alone."""
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 8))
    with float64():
        last = make(data_format="channels_last", dtype=dtype)
        first = make(data_format="channels_first", dtype=dtype)
        expected = to_numpy(last(x))
        first.build((1, 8, 4, 5))
        first.set_weights(last.get_weights())
        found = to_numpy(first(np.moveaxis(x, -1, 1)))
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(
        np.moveaxis(found, 1, -1).astype("float64"),
        expected.astype("float64"),
        atol=1e-6 if dtype == "float64" else 1e-2,
    )


@pytest.mark.parametrize(
    "layer_cls",
    [
        functools.partial(DeformableConv2D, 3),
        DeformableConv2DV3,
        DeformableConv2DV4,
    ],
)
def test_window_larger_than_the_map_raises(layer_cls, data_format):
    """Each backend had an error of its own, or a map of a negative size."""
    x = to_layout(np.zeros((2, 3, 2, 4), "float32"), data_format)
    layer = layer_cls(
        kernel_size=(1, 3),
        dilation_rate=2,
        padding="valid",
        data_format=data_format,
    )
    with pytest.raises(ValueError, match=r"5 long, must fit .*Received: size"):
        layer(x)
    with pytest.raises(ValueError, match=r"must fit .*padding='valid'"):
        layer.compute_output_shape(x.shape)


def test_window_of_a_function_larger_than_the_map_raises(data_format):
    x = to_layout(np.zeros((2, 3, 2, 4), "float32"), data_format)
    with pytest.raises(ValueError, match="must fit into the map"):
        deform_conv2d(
            x,
            np.zeros((2, 1, 1, 6), "float32"),
            np.zeros((1, 3, 4, 2), "float32"),
            dilation_rate=2,
            data_format=data_format,
        )
