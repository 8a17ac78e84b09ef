"""Tests of `CBAM` beyond the contract."""

import numpy as np
import pytest

from autodiff import role
from contract.case import assert_close
from contract.case import assert_same
from keras_attention import CBAM
from keras_attention import ChannelAttention
from keras_attention import SpatialAttention

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5, 6, 16)).astype("float32")
OFFICIAL = {"reduction": 16, "spatial_input": "refined", "spatial_norm": True}


def built(channels=16, **kwargs):
    layer = CBAM(data_format="channels_last", **kwargs)
    layer.build((None, None, None, channels))
    return layer


def trainable(layer):
    return sum(weight.numpy().size for weight in layer.trainable_weights)


def test_weights_are_named_for_their_roles():
    assert [role(weight) for weight in built().weights] == [
        "channel/squeeze/kernel",
        "channel/squeeze/bias",
        "channel/excite/kernel",
        "channel/excite/bias",
        "spatial/conv/kernel",
        "spatial/conv/bias",
    ]


@pytest.mark.parametrize(
    ("kwargs", "counts"),
    [
        (OFFICIAL, {64: 680, 256: 8_564, 2048: 526_564}),
        ({**OFFICIAL, "use_bias": False}, {64: 612, 256: 8_292, 2048: 524_388}),
        ({}, {64: 4_291, 256: 66_019, 2048: 4_197_475}),
        ({"reduction": 16}, {256: 8_563}),
    ],
    ids=["official", "timm", "tf", "tf-16th"],
)
def test_has_as_many_parameters_as_published(kwargs, counts):
    for channels, count in counts.items():
        assert trainable(built(channels, **kwargs)) == count


@pytest.mark.parametrize("spatial_input", ["original", "refined"])
def test_equals_its_two_halves(spatial_input):
    """With `spatial_input="refined"` it is a chain of two layers."""
    layer = built(spatial_input=spatial_input)
    weights = layer.get_weights()
    channel = ChannelAttention(2, data_format="channels_last")
    spatial = SpatialAttention(data_format="channels_last")
    for half, part in ((channel, weights[:4]), (spatial, weights[4:])):
        half.build(X.shape)
        half.set_weights(part)
    refined = channel(X)
    if spatial_input == "refined":
        assert_close(layer(X), spatial(refined))
    else:
        assert_close(layer(X), refined * spatial.attention(X))
    attention = layer.attention(X)
    assert_same(attention["channel"], channel.attention(X))
