"""Tests of `DeformableConv2D` beyond the contract."""

import keras
import numpy as np
import pytest

from autodiff import role
from autodiff import subset
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import DeformableConv2D

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 7, 9, 4)).astype("float32")

# Not both strides and dilation, which Keras does not support.
SETTINGS = [
    {},
    {"padding": "valid"},
    {"strides": 2},
    {"strides": (3, 2), "padding": "valid", "kernel_size": 2},
    {"dilation_rate": (2, 1)},
    {"kernel_size": (2, 5), "strides": (1, 4)},
]
OFTEN = ["offset_kernel", "offset_bias", "kernel"]


def built(*args, **kwargs):
    layer = DeformableConv2D(*args, data_format="channels_last", **kwargs)
    layer.build((None, None, None, 4))
    return layer


@pytest.mark.parametrize("modulated", [True, False])
@pytest.mark.parametrize("settings", subset(SETTINGS, 2), ids=str)
def test_layer_starts_as_a_convolution(settings, modulated):
    layer = built(6, modulated=modulated, activation="relu", **settings)
    conv = keras.layers.Conv2D(
        6,
        **{"kernel_size": 3, "padding": "same", **settings},
        activation="relu",
        data_format="channels_last",
    )
    conv.build(X.shape)
    bias = RNG.normal(size=6)
    layer.kernel.assign(conv.kernel)
    layer.bias.assign(bias)
    share = 0.5 if modulated else 1
    conv.set_weights([share * to_numpy(conv.kernel), bias])
    assert_close(layer(X), conv(X))
    assert layer.compute_output_shape(X.shape) == tuple(conv(X).shape)


def test_weights_and_their_number():
    layer = built(6, offset_groups=2, groups=2)
    assert [role(w) for w in layer.weights] == [*OFTEN, "bias"]
    maps = 2 * 9 * 3
    assert layer.count_params() == 9 * 4 * maps + maps + 9 * 2 * 6 + 6
    layer = built(6, modulated=False, use_bias=False)
    assert [role(w) for w in layer.weights] == OFTEN
    assert layer.count_params() == 9 * 4 * 18 + 18 + 9 * 4 * 6


def test_offsets_start_at_zero_and_the_mask_at_one_half():
    attention = built(6).attention(X)
    assert not to_numpy(attention["offsets"]).any()
    assert (to_numpy(attention["mask"]) == 0.5).all()
    assert built(6, modulated=False).attention(X).keys() == {"offsets"}


def test_offsets_are_not_regularized():
    layer = built(6, kernel_regularizer="l2")
    layer.offset_kernel.assign(np.ones(layer.offset_kernel.shape))
    (loss,) = layer.losses
    assert_close(loss, 0.01 * (to_numpy(layer.kernel) ** 2).sum())


@pytest.mark.parametrize("padding", subset(["same", 2, "valid", (0, 3)], 2))
def test_strides_subsample_the_dilated_windows(padding):
    """Offsets, too, which Keras' convolution does not support with both."""
    settings = {"kernel_size": (3, 2), "dilation_rate": 2, "padding": padding}
    dense = built(6, **settings)
    strided = built(6, strides=(2, 3), **settings)
    values = [RNG.normal(size=weight.shape) for weight in dense.weights]
    for layer in (dense, strided):
        layer.set_weights(values)
    # The zeros of "same" before the map depend on the strides.
    begin = (0, 1) if padding == "same" else (0, 0)
    every = np.s_[:, begin[0] :: 2, begin[1] :: 3]
    for name, value in strided.attention(X).items():
        assert_close(value, to_numpy(dense.attention(X)[name])[every])
    assert_close(strided(X), to_numpy(dense(X))[every])


def test_indivisible_channels_raise():
    with pytest.raises(ValueError, match=r"`groups` must divide `filters` \(6"):
        DeformableConv2D(6, groups=4)
    for name in ("groups", "offset_groups"):
        message = rf"`{name}` must divide the number of channels \(4\)\. Rec"
        with pytest.raises(ValueError, match=message):
            built(6, **{name: 3})


@pytest.mark.parametrize("modulated", [True, False])
def test_offsets_are_limited_to_a_share_of_the_larger_side(modulated):
    limited = built(6, modulated=modulated, max_offset=0.25)
    free = built(6, modulated=modulated)
    limited.offset_kernel.assign(RNG.normal(size=free.offset_kernel.shape))
    free.set_weights(limited.get_weights())
    expected = to_numpy(free.attention(X)["offsets"])
    limit = 0.25 * 9  # the width
    assert np.abs(expected).max() > 2 * limit
    found = limited.attention(X)["offsets"]
    np.testing.assert_array_equal(
        to_numpy(found), np.clip(expected, -limit, limit)
    )
    limited.offset_bias.assign(100 * np.ones(limited.offset_bias.shape))
    assert (to_numpy(limited.attention(X)["offsets"]) == limit).all()


def test_limit_follows_the_size_of_the_map():
    layer = built(6, modulated=False, max_offset=0.5)
    layer.offset_bias.assign(100 * np.ones(layer.offset_bias.shape))
    inputs = keras.Input((None, None, 4))
    model = keras.Model(inputs, layer(inputs, return_attention=True)[1])
    for height, width in ((4, 6), (10, 5)):
        offsets = model.predict(np.ones((1, height, width, 4)), verbose=0)
        assert (offsets["offsets"] == max(height, width) / 2).all()
