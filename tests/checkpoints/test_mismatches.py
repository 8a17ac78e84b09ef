"""Mismatches are all listed in one error, and no weight changes."""

import re

import keras
import numpy as np
import pytest

from keras_attention import CBAM
from keras_attention import CoordinateAttention
from keras_attention import EffectiveSqueezeExcite
from keras_attention import GatedChannelTransform
from keras_attention import IterativeAttentionalFeatureFusion
from keras_attention import LargeKernelAttention
from keras_attention import SelectiveKernel
from keras_attention import SpatialAttention
from keras_attention import SplitAttention
from keras_attention import SqueezeExcite
from keras_attention import TripletAttention
from keras_attention.checkpoints import export_reference_weights
from keras_attention.checkpoints import load_reference_weights


def built(layer):
    layer.build((None, 7, 5, 16))
    return layer


def error_message(layer, source):
    """Return the lines of the error, and check that no weight changed."""
    before = layer.get_weights()
    with pytest.raises(ValueError, match="`source` must") as caught:
        load_reference_weights(layer, source)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    return str(caught.value).splitlines()


def test_missing_keys_raise(golden):
    weights = golden("cbam_paper").w
    del weights["ChannelGate.mlp.3.bias"]
    del weights["SpatialGate.spatial.bn.running_var"]
    weights = {f"module.{name}": array for name, array in weights.items()}
    layer = built(CBAM(4, spatial_input="refined", spatial_norm=True))
    (message,) = error_message(layer, weights)[1:]
    assert message == (
        "missing keys: 'module.ChannelGate.mlp.3.bias', "
        "'module.SpatialGate.spatial.bn.running_var'"
    )


def test_unexpected_keys_raise(golden):
    weights = golden("gct_l2").w | {"1.weight": np.zeros(3), "2.bias": 0.0}
    message = error_message(built(GatedChannelTransform()), weights)
    assert message[1:] == [
        "unexpected keys: '1.weight', '2.bias'",
        (
            "If the source is a larger network, pass the weights of this layer "
            "alone, or set `prefix` to the start of their names."
        ),
    ]


def test_shape_mismatches_raise(golden):
    (message,) = error_message(built(SqueezeExcite(2)), golden("se").w)[1:]
    assert message == (
        "shape mismatch: "
        "'fc.0.weight' (found (4, 16), expected (8, 16) or (8, 16, 1, 1)), "
        "'fc.2.weight' (found (16, 4), expected (16, 8) or (16, 8, 1, 1))"
    )


def test_all_mismatches_are_in_one_error(golden):
    weights = golden("gct_l2").w
    del weights["beta"]
    weights["gamma"] = weights["gamma"][:, :8]
    weights["delta"] = weights["alpha"]
    message = error_message(built(GatedChannelTransform()), weights)
    assert message[1:3] == ["missing keys: 'beta'", "unexpected keys: 'delta'"]
    assert message[3] == (
        "shape mismatch: 'gamma' "
        "(found (1, 8, 1, 1), expected (1, 16, 1, 1) or (16,))"
    )


def test_unexpected_biases_raise_with_a_hint(golden):
    biases = {"fc.0.bias": np.zeros(4), "fc.2.bias": np.zeros(16)}
    message = error_message(built(SqueezeExcite(4)), golden("se").w | biases)
    assert message[1:] == [
        "unexpected keys: 'fc.0.bias', 'fc.2.bias'",
        "The source has biases: set `use_bias=True` in the target.",
    ]


def test_shape_mismatch_of_a_piece_raises(golden):
    layer = built(SelectiveKernel(24, groups=2, hidden_units=16))
    message = error_message(layer, golden("sk").w)[1]
    assert message.endswith(
        "'projections.1.weight' "
        "(found (24, 32, 1, 1), expected (24, 16, 1, 1) or (24, 16))"
    )


def test_keys_of_further_paths_are_unexpected(golden):
    weights = golden("sk").w
    message = error_message(
        built(SelectiveKernel(24, paths=1, groups=2)), weights
    )
    assert message[1].startswith("unexpected keys: 'convs.1.0.weight'")


def test_unexpected_biases_of_a_selective_kernel_raise_with_a_hint(golden):
    layer = built(SelectiveKernel(24, groups=2, use_bias=False))
    assert "`use_bias=True`" in error_message(layer, golden("sk").w)[2]


def test_second_global_context_is_required_unless_shared(golden):
    """The published networks have this context, but do not use it."""
    layer = IterativeAttentionalFeatureFusion(4)
    layer.build((None, 7, 5, 16), (None, 7, 5, 16))
    weights = {
        name: array
        for name, array in golden("iaff").w.items()
        if not name.startswith("global_att2")
    }
    message = error_message(layer, weights)[1]
    assert message.startswith("missing keys: 'global_att2.1.weight'")


def test_missing_biases_raise_with_a_hint(golden):
    message = error_message(
        built(SqueezeExcite(4, use_bias=True)), golden("se").w
    )
    assert message[1:] == [
        "missing keys: 'fc.0.bias', 'fc.2.bias'",
        "The source has no biases: set `use_bias=False` in the target.",
    ]


def test_biases_of_effective_squeeze_excite_raise_with_a_hint(golden):
    layer = built(EffectiveSqueezeExcite(use_bias=False))
    weights = golden("ese").w
    assert error_message(layer, weights)[1:] == [
        "unexpected keys: 'fc.bias'",
        "The source has biases: set `use_bias=True` in the target.",
    ]
    del weights["fc.bias"]
    layer = built(EffectiveSqueezeExcite())
    assert error_message(layer, weights)[1:] == [
        "missing keys: 'fc.bias'",
        "The source has no biases: set `use_bias=False` in the target.",
    ]


def test_unexpected_batch_norm_raises_with_a_hint(golden):
    message = error_message(built(CBAM(4)), golden("cbam_paper").w)
    bn = "SpatialGate.spatial.bn"
    missing, unexpected, hint = message[1:]
    assert (
        missing
        == "missing keys: a key for the target's weight 'spatial.conv.bias'"
    )
    assert unexpected == (
        f"unexpected keys: '{bn}.weight', '{bn}.bias', '{bn}.running_mean', "
        f"'{bn}.running_var'"
    )
    assert hint == (
        "The source has batch normalization: set `spatial_norm=True` in the "
        "target."
    )


def test_missing_batch_norm_raises_with_a_hint():
    layer = built(SpatialAttention(3, use_norm=True))
    weights = {"conv2d/kernel": np.zeros((3, 3, 2, 1)), "conv2d/bias": [0.0]}
    message = error_message(layer, weights)
    assert message[1].startswith(
        "missing keys: a key for the target's weight 'norm.gamma'"
    )
    assert message[2] == "unexpected keys: 'conv2d/bias'"
    assert "`use_norm=False`" in message[3]


def hints(target, source, layout):
    weights = export_reference_weights(built(source), layout)
    lines = error_message(built(target), weights)
    return [line for line in lines if line.startswith("The source has")]


@pytest.mark.parametrize(
    ("layer_cls", "argument", "parts"),
    [
        (CoordinateAttention, "use_bias", "biases"),
        (LargeKernelAttention, "use_bias", "biases"),
        (TripletAttention, "use_spatial", "a spatial branch"),
    ],
)
def test_hints_name_arguments_of_the_target(layer_cls, argument, parts):
    def layer(value):
        return layer_cls(**{argument: value})

    assert hints(layer(False), layer(True), "official") == [
        f"The source has {parts}: set `{argument}=True` in the target."
    ]
    assert hints(layer(True), layer(False), "official") == [
        f"The source has no {parts}: set `{argument}=False` in the target."
    ]


def test_layers_without_such_an_argument_have_no_hint():
    layer = SplitAttention(8)
    layer.build((None, 8, 8, 16))
    weights = export_reference_weights(layer, "official")
    del weights["fc1.bias"]
    assert not [
        line for line in error_message(layer, weights) if "`use_bias" in line
    ]


def test_weights_without_a_published_name_raise(golden):
    """A quantized layer has scales beside its kernels."""
    layer = built(SqueezeExcite(4))
    layer.squeeze.quantize("int8")
    assert error_message(layer, golden("se").w)[1] == (
        "missing keys: a key for the target's weight 'squeeze.kernel_scale'"
    )


def test_layout_of_most_names_is_reported():
    """Names of timm with one wrong name are compared with those of timm."""
    weights = {"fc1.weight": np.zeros((4, 16)), "fc.2.bias": np.zeros(16)}
    weights |= {"fc1.bias": np.zeros(4), "fc2.weight": np.zeros((16, 4))}
    message = error_message(built(SqueezeExcite(4, use_bias=True)), weights)
    assert "timm" in message[0]
    assert message[1:3] == [
        "missing keys: 'fc2.bias'",
        "unexpected keys: 'fc.2.bias'",
    ]


def test_prefix_of_most_names_is_removed(golden):
    weights = {f"se.{name}": array for name, array in golden("se").w.items()}
    stray = {"head.fc.0.weight": np.zeros((4, 16))}
    message = error_message(built(SqueezeExcite(4)), stray | weights)
    assert message[1] == "unexpected keys: 'head.fc.0.weight'"


def test_prefix_ends_at_a_separator(golden):
    weights = {f"arc{name}": array for name, array in golden("se").w.items()}
    assert (
        "Received: 'arcfc.0.weight'"
        in error_message(built(SqueezeExcite(4)), weights)[-1]
    )


@pytest.mark.parametrize(
    ("source", "received"),
    [
        ({f"blocks.{i}": [0] for i in range(5)}, "'blocks.0', .*'blocks.3', "),
        ({"squeeze.kernel": [0]}, "'squeeze.kernel'$"),
        ({}, "no names$"),
    ],
)
def test_unknown_names_raise(source, received):
    message = error_message(built(SqueezeExcite(4)), source)
    assert any("timm: 'fc1.weight', 'fc1.bias'" in line for line in message)
    assert re.match(f"Received: {received}", message[-1])


def test_unbuilt_target_raises():
    with pytest.raises(ValueError, match=r"`target` must be built.*Received: "):
        load_reference_weights(SqueezeExcite(), {})


@pytest.mark.parametrize("target", [keras.layers.Dense(1), None])
def test_target_without_a_layout_raises(target):
    with pytest.raises(
        ValueError, match=r"CBAM, .*SqueezeExcite.*\. Received: "
    ):
        load_reference_weights(target, {})
