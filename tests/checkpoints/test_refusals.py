"""What does not fit is refused: all of it is named, and nothing is changed."""

import re

import keras
import numpy as np
import pytest

from keras_attention import CBAM
from keras_attention import GatedChannelTransform
from keras_attention import IterativeAttentionalFeatureFusion
from keras_attention import SelectiveKernel
from keras_attention import SpatialAttention
from keras_attention import SqueezeExcite
from keras_attention.checkpoints import load_reference_weights


def built(layer):
    layer.build((None, 7, 5, 16))
    return layer


def refusal(layer, source):
    """Return what was said by line, and see that the layer is as it was."""
    before = layer.get_weights()
    with pytest.raises(ValueError, match="`source` must") as caught:
        load_reference_weights(layer, source)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    return str(caught.value).splitlines()


def test_missing(golden):
    weights = golden("cbam_paper").w
    del weights["ChannelGate.mlp.3.bias"]
    del weights["SpatialGate.spatial.bn.running_var"]
    weights = {f"module.{name}": array for name, array in weights.items()}
    layer = built(CBAM(4, spatial_input="refined", spatial_norm=True))
    (said,) = refusal(layer, weights)[1:]
    assert said == (
        "missing keys: 'module.ChannelGate.mlp.3.bias', "
        "'module.SpatialGate.spatial.bn.running_var'"
    )


def test_left_over(golden):
    weights = golden("gct_l2").w | {"1.weight": np.zeros(3), "2.bias": 0.0}
    said = refusal(built(GatedChannelTransform()), weights)
    assert said[1:] == [
        "unexpected keys: '1.weight', '2.bias'",
        "If the source is a larger network, pass this layer's weights.",
    ]


def test_another_shape(golden):
    (said,) = refusal(built(SqueezeExcite(2)), golden("se").w)[1:]
    assert said == (
        "shape mismatch: "
        "'fc.0.weight' (found (4, 16), expected (8, 16) or (8, 16, 1, 1)), "
        "'fc.2.weight' (found (16, 4), expected (16, 8) or (16, 8, 1, 1))"
    )


def test_all_faults_at_once(golden):
    weights = golden("gct_l2").w
    del weights["beta"]
    weights["gamma"] = weights["gamma"][:, :8]
    weights["delta"] = weights["alpha"]
    said = refusal(built(GatedChannelTransform()), weights)
    assert said[1:3] == ["missing keys: 'beta'", "unexpected keys: 'delta'"]
    assert said[3] == (
        "shape mismatch: 'gamma' "
        "(found (1, 8, 1, 1), expected (1, 16, 1, 1) or (16,))"
    )


def test_biases_that_the_layer_has_not(golden):
    biases = {"fc.0.bias": np.zeros(4), "fc.2.bias": np.zeros(16)}
    said = refusal(built(SqueezeExcite(4)), golden("se").w | biases)
    assert said[1:] == [
        "unexpected keys: 'fc.0.bias', 'fc.2.bias'",
        "The source has biases: set `use_bias=True` in the target.",
    ]


def test_parts_of_another_shape(golden):
    layer = built(SelectiveKernel(24, groups=2, hidden_units=16))
    said = refusal(layer, golden("sk").w)[1]
    assert said.endswith(
        "'projections.1.weight' "
        "(found (24, 32, 1, 1), expected (24, 16, 1, 1) or (24, 16))"
    )


def test_fewer_paths_than_the_source_has(golden):
    weights = golden("sk").w
    said = refusal(built(SelectiveKernel(24, paths=1, groups=2)), weights)
    assert said[1].startswith("unexpected keys: 'convs.1.0.weight'")


def test_biases_of_a_selective_kernel(golden):
    layer = built(SelectiveKernel(24, groups=2, use_bias=False))
    assert "`use_bias=True`" in refusal(layer, golden("sk").w)[2]


def test_global_context_that_is_not_shared(golden):
    """What a reference never uses is let pass where the layer does as it."""
    layer = IterativeAttentionalFeatureFusion(4)
    layer.build((None, 7, 5, 16), (None, 7, 5, 16))
    weights = {
        name: array
        for name, array in golden("iaff").w.items()
        if not name.startswith("global_att2")
    }
    said = refusal(layer, weights)[1]
    assert said.startswith("missing keys: 'global_att2.1.weight'")


def test_biases_that_the_source_has_not(golden):
    said = refusal(built(SqueezeExcite(4, use_bias=True)), golden("se").w)
    assert said[1:] == [
        "missing keys: 'fc.0.bias', 'fc.2.bias'",
        "The source has no biases: set `use_bias=False` in the target.",
    ]


def test_batch_norm_that_the_layer_has_not(golden):
    said = refusal(built(CBAM(4)), golden("cbam_paper").w)
    bn = "SpatialGate.spatial.bn"
    missing, left_over, hint = said[1:]
    assert (
        missing
        == "missing keys: a key for the target's weight 'spatial.conv.bias'"
    )
    assert left_over == (
        f"unexpected keys: '{bn}.weight', '{bn}.bias', '{bn}.running_mean', "
        f"'{bn}.running_var'"
    )
    assert "`CBAM(spatial_norm=True)`" in hint


def test_batch_norm_that_the_source_has_not():
    layer = built(SpatialAttention(3, use_norm=True))
    weights = {"conv2d/kernel": np.zeros((3, 3, 2, 1)), "conv2d/bias": [0.0]}
    said = refusal(layer, weights)
    assert said[1].startswith(
        "missing keys: a key for the target's weight 'norm.gamma'"
    )
    assert said[2] == "unexpected keys: 'conv2d/bias'"
    assert "`SpatialAttention(use_norm=False)`" in said[3]


def test_weights_that_no_reference_has(golden):
    """A quantized layer has scales beside its kernels."""
    layer = built(SqueezeExcite(4))
    layer.squeeze.quantize("int8")
    assert refusal(layer, golden("se").w)[1] == (
        "missing keys: a key for the target's weight 'squeeze.kernel_scale'"
    )


def test_closest_layout_is_reported():
    """The names of timm with one slip are measured by those of timm."""
    weights = {"fc1.weight": np.zeros((4, 16)), "fc.2.bias": np.zeros(16)}
    weights |= {"fc1.bias": np.zeros(4), "fc2.weight": np.zeros((16, 4))}
    said = refusal(built(SqueezeExcite(4, use_bias=True)), weights)
    assert "timm" in said[0]
    assert said[1:3] == [
        "missing keys: 'fc2.bias'",
        "unexpected keys: 'fc.2.bias'",
    ]


def test_prefix_of_most_names_is_taken(golden):
    weights = {f"se.{name}": array for name, array in golden("se").w.items()}
    stray = {"head.fc.0.weight": np.zeros((4, 16))}
    said = refusal(built(SqueezeExcite(4)), stray | weights)
    assert said[1] == "unexpected keys: 'head.fc.0.weight'"


def test_prefix_is_whole_words(golden):
    weights = {f"arc{name}": array for name, array in golden("se").w.items()}
    assert (
        "Received: 'arcfc.0.weight'"
        in refusal(built(SqueezeExcite(4)), weights)[-1]
    )


@pytest.mark.parametrize(
    ("source", "received"),
    [
        ({f"blocks.{i}": [0] for i in range(5)}, "'blocks.0', .*'blocks.3', "),
        ({"squeeze.kernel": [0]}, "'squeeze.kernel'$"),
        ({}, "no names$"),
    ],
)
def test_unknown_names(source, received):
    said = refusal(built(SqueezeExcite(4)), source)
    assert any("timm: 'fc1.weight', 'fc1.bias'" in line for line in said)
    assert re.match(f"Received: {received}", said[-1])


def test_unbuilt_target():
    with pytest.raises(ValueError, match=r"`target` must be built.*Received: "):
        load_reference_weights(SqueezeExcite(), {})


@pytest.mark.parametrize("target", [keras.layers.Dense(1), None])
def test_target_without_a_reference(target):
    with pytest.raises(ValueError, match=r"CBAM, .*SqueezeExcite. Received: "):
        load_reference_weights(target, {})
