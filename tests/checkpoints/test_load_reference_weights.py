"""Layers with published weights compute the published outputs."""

import keras
import numpy as np
import pytest

from keras_attention import CBAM
from keras_attention import AttentionalFeatureFusion
from keras_attention import ChannelAttention
from keras_attention import CoordinateAttention
from keras_attention import EffectiveSqueezeExcite
from keras_attention import EfficientChannelAttention
from keras_attention import GatedChannelTransform
from keras_attention import GlobalContext
from keras_attention import GlobalResponseNorm
from keras_attention import IterativeAttentionalFeatureFusion
from keras_attention import LinearContextTransform
from keras_attention import MultiScaleChannelAttention
from keras_attention import PolarizedSelfAttention
from keras_attention import SelectiveKernel
from keras_attention import ShuffleAttention
from keras_attention import SpatialAttention
from keras_attention import SpatialChannelSqueezeExcite
from keras_attention import SpatialGroupEnhance
from keras_attention import SqueezeExcite
from keras_attention import StyleRecalibration
from keras_attention import TripletAttention
from keras_attention.checkpoints import load_reference_weights


def renamed(weights, names):
    """Return `weights` with the starts of their names replaced."""
    return {
        new + name.removeprefix(old): array
        for name, array in weights.items()
        for old, new in names.items()
        if name.startswith(old)
    }


def as_convolutions(weights):
    """Return `weights` with matrices reshaped to 1x1 convolution kernels."""
    return {
        name: array[:, :, None, None] if array.ndim == 2 else array
        for name, array in weights.items()
    }


def timm_squeeze_excite(weights):
    names = {"fc.0": "fc1", "fc.2": "fc2"}
    return as_convolutions(renamed(weights, names))


def caffe_squeeze_excite(weights):
    names = {"fc.0": "conv2_1_1x1_down", "fc.2": "conv2_1_1x1_up"}
    return as_convolutions(renamed(weights, names))


def paddle_squeeze_excite(weights):
    return renamed(weights, {"fc": "blocks.0.att.conv"})


def timm_global_context(weights):
    names = {"conv_mask": "layer3.0.se.conv_attn"}
    for new, old in {"add": "add", "scale": "mul"}.items():
        for part, index in {"fc1": 0, "norm": 1, "fc2": 3}.items():
            name = f"layer3.0.se.mlp_{new}.{part}"
            names[f"channel_{old}_conv.{index}"] = name
    weights = renamed(weights, names)
    return {
        name: array.ravel() if ".norm." in name else array
        for name, array in weights.items()
    }


def timm_response_norm(weights):
    names = {
        "gamma": "stages.0.mlp.grn.weight",
        "beta": "stages.0.mlp.grn.bias",
    }
    return flattened(renamed(weights, names))


def timm_cbam(weights):
    """Return CBAM weights of timm, with inputs [mean, max], not [max, mean]."""
    weights = renamed(
        weights,
        {
            "ChannelGate.mlp.1": "layer1.0.se.channel.fc1",
            "ChannelGate.mlp.3": "layer1.0.se.channel.fc2",
            "SpatialGate.spatial": "layer1.0.se.spatial.conv",
        },
    )
    conv = "layer1.0.se.spatial.conv.conv.weight"
    weights[conv] = weights[conv][:, ::-1]
    return as_convolutions(weights)


def prefixed(prefix):
    return lambda weights: {prefix + name: w for name, w in weights.items()}


def suffixed(weights):
    return {f"{name}:0": array for name, array in weights.items()}


def with_unnamed_scope(weights):
    return renamed(weights, {"cbam_a/": "cbam_/"})


def flattened(weights):
    return {name: array.ravel() for name, array in weights.items()}


def unchanged(weights):
    return weights


def squeeze_excite(**kwargs):
    return SqueezeExcite(4, **kwargs)


def official_cbam(**kwargs):
    kwargs |= {"spatial_input": "refined", "spatial_norm": True}
    return CBAM(4, **kwargs)


def circular_channels(**kwargs):
    return EfficientChannelAttention(5, circular=True, **kwargs)


def added_context(**kwargs):
    return GlobalContext(4, **kwargs)


def scaled_context(**kwargs):
    return GlobalContext(4, fusion="scale", **kwargs)


def both_contexts(**kwargs):
    return GlobalContext(4, fusion="both", **kwargs)


def grouped_context(**kwargs):
    return LinearContextTransform(4, **kwargs)


def group_enhance(**kwargs):
    return SpatialGroupEnhance(4, **kwargs)


def l1_gate(**kwargs):
    return GatedChannelTransform("l1", **kwargs)


def l1_gate_after_relu(**kwargs):
    return GatedChannelTransform("l1", after_relu=True, **kwargs)


def without_unused_weights(weights):
    return {n: w for n, w in weights.items() if not n.startswith("global_att2")}


def multi_scale(**kwargs):
    return MultiScaleChannelAttention(4, **kwargs)


def fusion(**kwargs):
    return AttentionalFeatureFusion(4, **kwargs)


def shared_fusion(**kwargs):
    return IterativeAttentionalFeatureFusion(4, share_global=True, **kwargs)


def selective(**kwargs):
    return SelectiveKernel(24, groups=2, reduction=4, **kwargs)


def concurrent(**kwargs):
    return SpatialChannelSqueezeExcite(4, **kwargs)


def concurrent_maximum(**kwargs):
    return SpatialChannelSqueezeExcite(4, combine="max", **kwargs)


def coordinate(**kwargs):
    return CoordinateAttention(2, **kwargs)


def coordinate_without_biases(**kwargs):
    return CoordinateAttention(use_bias=False, **kwargs)


def of_mobile_net(weights):
    """Return coordinate attention as it is named in another file."""
    names = {"conv_h": "conv2", "conv_w": "conv3"}
    return renamed(weights, names | {"conv1": "conv1", "bn1": "bn1"})


def triplet_of_channels(**kwargs):
    return TripletAttention(use_spatial=False, **kwargs)


def of_newer_triplet(weights):
    """Return triplet attention as it is named in the authors' newer file."""
    names = {
        "ChannelGateH.spatial": "layer1.0.att.cw.conv",
        "ChannelGateW.spatial": "layer1.0.att.hc.conv",
        "SpatialGate.spatial": "layer1.0.att.hw.conv",
    }
    return renamed(weights, names)


def shuffle(**kwargs):
    return ShuffleAttention(4, **kwargs)


def sequential(**kwargs):
    return PolarizedSelfAttention("sequential", **kwargs)


def narrow_cbam(**kwargs):
    return CBAM(hidden_units=3, **kwargs)


@pytest.mark.parametrize(
    ("make", "file", "published"),
    [
        (squeeze_excite, "se", unchanged),
        (squeeze_excite, "se", prefixed("module.layer1.0.se.")),
        (squeeze_excite, "se", as_convolutions),
        (squeeze_excite, "se", timm_squeeze_excite),
        (squeeze_excite, "se", caffe_squeeze_excite),
        (CBAM, "cbam_tf", unchanged),
        (CBAM, "cbam_tf", suffixed),
        (CBAM, "cbam_tf", with_unnamed_scope),
        (narrow_cbam, "cbam_tf_ratio", unchanged),
        (official_cbam, "cbam_paper", unchanged),
        (official_cbam, "cbam_paper", prefixed("module.layer1.0.cbam.")),
        (official_cbam, "cbam_paper", timm_cbam),
        (EffectiveSqueezeExcite, "ese", prefixed("module.stage2.ese.")),
        (EffectiveSqueezeExcite, "ese", paddle_squeeze_excite),
        (EfficientChannelAttention, "eca", unchanged),
        (EfficientChannelAttention, "eca", prefixed("module.layer1.0.eca.")),
        (circular_channels, "eca_circular", unchanged),
        (added_context, "global_context_add", unchanged),
        (added_context, "global_context_add", timm_global_context),
        (scaled_context, "global_context_scale", prefixed("layer1.0.gc.")),
        (scaled_context, "global_context_scale", timm_global_context),
        (both_contexts, "global_context_both", unchanged),
        (both_contexts, "global_context_both", timm_global_context),
        (GlobalResponseNorm, "grn", prefixed("stages.0.0.grn.")),
        (GlobalResponseNorm, "grn", timm_response_norm),
        (StyleRecalibration, "srm", unchanged),
        (StyleRecalibration, "srm", prefixed("module.layer1.0.srm.")),
        (grouped_context, "lct", prefixed("layer1.0.lct.")),
        (group_enhance, "sge", unchanged),
        (group_enhance, "sge", prefixed("layer1.0.sge.")),
        (group_enhance, "sge", flattened),
        (GatedChannelTransform, "gct_l2", unchanged),
        (GatedChannelTransform, "gct_l2", prefixed("module.stem.conv1.0.")),
        (l1_gate, "gct_l1", unchanged),
        (l1_gate_after_relu, "gct_l1_after_relu", flattened),
        (multi_scale, "ms_cam", unchanged),
        (fusion, "aff", prefixed("module.layer1.0.fuse_mode.")),
        (shared_fusion, "iaff", prefixed("layer1.0.fuse_mode.")),
        (shared_fusion, "iaff", without_unused_weights),
        (selective, "sk", unchanged),
        (selective, "sk", prefixed("module.layer2.0.conv2.")),
        (coordinate, "coordinate", unchanged),
        (coordinate, "coordinate", prefixed("module.layers.3.conv.4.")),
        (coordinate, "coordinate", of_mobile_net),
        (coordinate_without_biases, "coordinate_no_bias", unchanged),
        (TripletAttention, "triplet", unchanged),
        (TripletAttention, "triplet", of_newer_triplet),
        (triplet_of_channels, "triplet_channel", unchanged),
        (shuffle, "shuffle", unchanged),
        (shuffle, "shuffle", prefixed("module.layer1.0.sa.")),
        (shuffle, "shuffle", flattened),
        (PolarizedSelfAttention, "polarized_parallel", unchanged),
        (
            PolarizedSelfAttention,
            "polarized_parallel",
            prefixed("conv2.deattn."),
        ),
        (sequential, "polarized_sequential", unchanged),
        (concurrent, "scse_add", unchanged),
        (concurrent, "scse_add", prefixed("decoder.blocks.0.attention1.")),
        (concurrent_maximum, "scse_max", unchanged),
    ],
)
def test_layers_compute_the_published_outputs(
    make, file, published, golden, data_format
):
    reference = golden(file)
    inputs, y = reference.inputs, reference.y
    if data_format == "channels_first":
        inputs = [np.moveaxis(x, -1, 1) for x in inputs]
        y = np.moveaxis(y, -1, 1)
    layer = make(data_format=data_format)
    layer.build(*(x.shape for x in inputs))
    load_reference_weights(layer, published(reference.w))
    assert_close(layer(*inputs), y)


@pytest.mark.parametrize("published", [unchanged, timm_cbam])
def test_channel_and_spatial_attention_of_official_cbam(published, golden):
    reference = golden("cbam_paper")
    weights = published(reference.w)
    channel, spatial = channel_and_spatial_attention(
        reference.x, weights, use_norm=True
    )
    assert_close(spatial(channel(reference.x)), reference.y)


def test_channel_and_spatial_attention_of_tensorflow_cbam(golden):
    reference = golden("cbam_tf")
    channel, spatial = channel_and_spatial_attention(
        reference.x, reference.w, hidden_units=8
    )
    x = reference.x
    assert_close(channel(x) * spatial.attention(x), reference.y)


def channel_and_spatial_attention(x, weights, hidden_units=4, use_norm=False):
    spatial_keys = ("SpatialGate.", "layer1.0.se.spatial.", "cbam_a/conv2d")
    channel = ChannelAttention(hidden_units=hidden_units)
    spatial = SpatialAttention(use_norm=use_norm)
    for layer, is_spatial in ((channel, False), (spatial, True)):
        layer.build(x.shape)
        part = {
            name: array
            for name, array in weights.items()
            if name.startswith(spatial_keys) == is_spatial
        }
        load_reference_weights(layer, part)
    return channel, spatial


def test_biases_are_loaded(rng):
    """There is no golden file with biases, so this compares the weights."""
    layer = SqueezeExcite(4, use_bias=True)
    layer.build((None, 4, 4, 16))
    published = {
        "se_module.fc1.weight": rng.normal(size=(4, 16, 1, 1)),
        "se_module.fc1.bias": rng.normal(size=4),
        "se_module.fc2.weight": rng.normal(size=(16, 4, 1, 1)),
        "se_module.fc2.bias": rng.normal(size=16),
    }
    load_reference_weights(layer, published)
    squeeze, squeeze_bias, excite, excite_bias = layer.get_weights()
    assert_close(squeeze.T, published["se_module.fc1.weight"][..., 0, 0])
    assert_close(squeeze_bias, published["se_module.fc1.bias"])
    assert_close(excite.T, published["se_module.fc2.weight"][..., 0, 0])
    assert_close(excite_bias, published["se_module.fc2.bias"])


def test_timm_selective_kernel_is_loaded(golden):
    """Without biases timm computes what selective-kernel-conv does.

    It has one convolution for the logits of all paths.
    """
    reference = golden("sk")
    biased = {"convs.0.0", "convs.1.0", "compress.0"}
    biased |= {"projections.0", "projections.1"}
    source = {
        name: 0 * w if name.removesuffix(".bias") in biased else w
        for name, w in reference.w.items()
    }
    expected = selective()
    layer = selective(use_bias=False)
    for it in (expected, layer):
        it.build(reference.x.shape)
    load_reference_weights(expected, source)
    published = renamed(
        source,
        {
            "convs.0.0.weight": "layer2.0.conv2.paths.0.conv.weight",
            "convs.1.0.weight": "layer2.0.conv2.paths.1.conv.weight",
            "convs.0.1": "layer2.0.conv2.paths.0.bn",
            "convs.1.1": "layer2.0.conv2.paths.1.bn",
            "compress.0.weight": "layer2.0.conv2.attn.fc_reduce.weight",
            "compress.1": "layer2.0.conv2.attn.bn",
        },
    )
    published["layer2.0.conv2.attn.fc_select.weight"] = np.concatenate(
        [source[f"projections.{path}.weight"] for path in (0, 1)]
    )
    load_reference_weights(layer, as_convolutions(published))
    assert_close(
        layer(reference.x), keras.ops.convert_to_numpy(expected(reference.x))
    )


def test_both_global_contexts_of_a_fusion_are_loaded(golden):
    """The default layer uses a context that the published networks do not."""
    reference = golden("iaff")
    layer = IterativeAttentionalFeatureFusion(4)
    layer.build(*(x.shape for x in reference.inputs))
    load_reference_weights(layer, reference.w)
    for context, name in (
        (layer.global_context, "global_att"),
        (layer.second_global_context, "global_att2"),
    ):
        mean = reference.w[f"{name}.5.running_mean"]
        assert_close(context.expand_norm.moving_mean, mean)


def test_layer_in_a_model_is_loaded(golden):
    reference = golden("cbam_paper")
    inputs = keras.Input(reference.x.shape[1:])
    layer = official_cbam(name="attention")
    model = keras.Model(inputs, layer(inputs))
    load_reference_weights(layer, reference.w)
    assert_close(model(reference.x), reference.y)


def test_subclass_is_loaded(golden):
    class Gate(GatedChannelTransform):
        pass

    reference = golden("gct_l2")
    layer = Gate()
    layer.build(reference.x.shape)
    load_reference_weights(layer, reference.w)
    assert_close(layer(reference.x), reference.y)


def test_loaded_weights_do_not_share_memory_with_the_source(golden):
    reference = golden("cbam_tf")
    layer = CBAM()
    layer.build(reference.x.shape)
    source = {name: aligned(array) for name, array in reference.w.items()}
    load_reference_weights(layer, source)
    for array in source.values():
        array[...] = 0
    assert_close(layer(reference.x), reference.y)


def aligned(array):
    """Return a copy in aligned memory, which JAX uses without a copy."""
    memory = np.empty(array.nbytes + 64, "uint8")
    start = -memory.ctypes.data % 64
    copy = memory[start : start + array.nbytes].view(array.dtype)
    copy = copy.reshape(array.shape)
    copy[...] = array
    return copy


def assert_close(found, expected):
    found = keras.ops.convert_to_numpy(found)
    assert found.shape == expected.shape
    assert np.max(np.abs(found - expected)) <= 1e-5 * np.max(np.abs(expected))
