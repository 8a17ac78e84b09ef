"""Tests of `ConvOffset2D` beyond the contract."""

import numpy as np
import pytest

from autodiff import role
from autodiff import vjp
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import ConvOffset2D

X = np.random.default_rng(0).normal(size=(2, 5, 6, 16)).astype("float32")


def built(*args, **kwargs):
    layer = ConvOffset2D(*args, data_format="channels_last", **kwargs)
    layer.build((None, None, None, 16))
    return layer


def test_weights_and_their_number():
    layer = built()
    assert [role(weight) for weight in layer.weights] == ["offset/kernel"]
    assert layer.count_params() == 18 * 16**2


def test_kernel_starts_small():
    kernel = to_numpy(built().weights[0])
    assert abs(kernel.mean()) < 0.001
    assert 0.0095 < kernel.std() < 0.0105


def test_zero_kernel_has_no_gradient():
    for initializer, learns in (("zeros", False), (None, True)):
        kwargs = {"kernel_initializer": initializer} if initializer else {}
        layer = built(**kwargs)
        _, _, gradients = vjp(layer, [X], np.ones(X.shape, "float32"))
        assert gradients["offset/kernel"].any() == learns
    assert_close(built(kernel_initializer="zeros")(X), X)


def test_scrambled_layout_reads_two_maps_as_pairs():
    """Flat element `(i * W + j) * 2 + k` of maps `2c` and `2c + 1`."""
    layers = [built(offset_layout=name) for name in ("paired", "scrambled")]
    kernel = np.random.default_rng(1).normal(size=(3, 3, 16, 32))
    for layer in layers:
        layer.set_weights([kernel])
    paired, scrambled = (to_numpy(layer.attention(X)) for layer in layers)
    _, height, width, _ = X.shape
    for c, i, j, k in ((0, 0, 0, 1), (3, 2, 4, 0), (15, 4, 5, 1)):
        flat = (i * width + j) * 2 + k
        part, pixel = divmod(flat, height * width)
        row, column = divmod(pixel, width)
        expected = paired[:, row, column, c, part]
        np.testing.assert_array_equal(scrambled[:, i, j, c, k], expected)


@pytest.mark.parametrize("kernel_size", [1, 2, 3])
def test_size_of_the_map_is_kept(kernel_size):
    assert built(kernel_size)(X).shape == X.shape
