"""Tests of `ChannelAttention` beyond the contract."""

import numpy as np

from autodiff import role
from contract.case import assert_close
from keras_attention import ChannelAttention


def built(*args, channels=16, **kwargs):
    layer = ChannelAttention(*args, data_format="channels_last", **kwargs)
    layer.build((None, None, None, channels))
    return layer


def test_weights_are_named_for_their_roles():
    assert [role(weight) for weight in built().weights] == [
        "squeeze/kernel",
        "squeeze/bias",
        "excite/kernel",
        "excite/bias",
    ]


def test_mean_and_maximum_share_one_mlp():
    """On a constant map they are equal, and their scores are added."""
    layer = built(4)
    x = np.full((1, 3, 3, 16), 0.7, "float32")
    z = x[:, 0, 0]
    w1, b1, w2, b2 = (w.astype("float64") for w in layer.get_weights())
    score = np.maximum(z @ w1 + b1, 0) @ w2 + b2
    gate = 1 / (1 + np.exp(-2 * score))
    assert_close(layer.attention(x)[:, 0, 0], gate)
    assert layer.count_params() == 16 * 4 * 2 + 16 + 4
