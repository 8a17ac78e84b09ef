"""Loading weights of deformable convolutions and offset resampling."""

import numpy as np
import pytest

import golden
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import ConvOffset2D
from keras_attention import DeformableConv2D
from keras_attention import load_reference_weights

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("modulated", [True, False])
def test_deformable_conv2d_loads_published_weights(use_bias, modulated):
    layer = DeformableConv2D(
        6, groups=2, use_bias=use_bias, modulated=modulated
    )
    layer.build((None, None, None, 4))
    maps = 27 if modulated else 18
    arrays = {
        "res5a_branch2b_weight": RNG.normal(size=(6, 2, 3, 3)),
        "res5a_branch2b_offset_weight": RNG.normal(size=(maps, 4, 3, 3)),
        "res5a_branch2b_offset_bias": RNG.normal(size=maps),
    }
    if use_bias:
        arrays["res5a_branch2b_bias"] = RNG.normal(size=6)
    load_reference_weights(layer, arrays)
    weight, offset_weight, offset_bias, *bias = arrays.values()
    assert_close(layer.kernel, golden.conv(weight))
    assert_close(layer.offset_kernel, golden.conv(offset_weight))
    assert_close(layer.offset_bias, offset_bias)
    if use_bias:
        assert_close(layer.bias, bias[0])


@pytest.mark.parametrize("name", ["offset12.weight", "offset1.weight"])
def test_conv_offset2d_loads_published_weights(name):
    layer = ConvOffset2D(offset_layout="scrambled")
    layer.build((None, None, None, 4))
    weight = RNG.normal(size=(8, 4, 3, 3))
    load_reference_weights(layer, {name: weight})
    assert_close(to_numpy(layer.offset.kernel), golden.conv(weight))
