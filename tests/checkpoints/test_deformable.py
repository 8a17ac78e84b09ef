"""Loading weights of deformable convolutions and offset resampling."""

import re

import numpy as np
import pytest

import golden
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import ConvOffset2D
from keras_attention import DeformableConv2D
from keras_attention import export_reference_weights
from keras_attention import load_reference_weights
from references.deformable import convolution
from references.deformable import window_frame
from references.maths import sigmoid

RNG = np.random.default_rng(0)
OFFSETS = ["offset_kernel", "offset_bias"]

# The starts of the published names of the kernel and of the offsets.
NAMES = {
    "official": ("", "offset_"),
    "mmcv": ("", "conv_offset."),
    "detectron2": ("conv2.", "conv2_offset."),
    "DCNv2": ("", "conv_offset_mask."),
    "aliked": ("regular_conv.", "offset_conv."),
}


def built(**kwargs):
    """Return a layer with random weights, also of the offsets."""
    layer = DeformableConv2D(6, data_format="channels_last", **kwargs)
    layer.build((None, None, None, 4))
    layer.set_weights([RNG.normal(size=w.shape) for w in layer.weights])
    return layer


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


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("modulated", [True, False])
@pytest.mark.parametrize("layout", NAMES)
def test_deformable_conv2d_exports_and_loads_names(layout, modulated, use_bias):
    layer, another = (
        built(modulated=modulated, use_bias=use_bias) for _ in range(2)
    )
    exported = export_reference_weights(layer, layout)
    kernel, offsets = NAMES[layout]
    maps = 27 if modulated else 18
    shapes = {
        f"{offsets}weight": (maps, 4, 3, 3),
        f"{offsets}bias": (maps,),
        f"{kernel}weight": (6, 4, 3, 3),
    }
    if use_bias:
        shapes[f"{kernel}bias"] = (6,)
    assert {name: exported[name].shape for name in exported} == shapes
    prefixed = {f"module.layer4.0.{k}": exported[k] for k in exported}
    load_reference_weights(another, prefixed)
    for old, new in zip(layer.weights, another.weights, strict=True):
        np.testing.assert_array_equal(to_numpy(old), to_numpy(new))


@pytest.mark.parametrize("modulated", [True, False])
def test_deformable_conv2d_computes_what_mmcv_does(modulated):
    """The published layer splits one convolution in three parts, or in two."""
    layer = built(modulated=modulated, offset_groups=2, use_bias=modulated)
    parts = 3 if modulated else 2
    weights = {
        "weight": RNG.normal(size=(6, 4, 3, 3)),
        "conv_offset.weight": RNG.normal(size=(18 * parts, 4, 3, 3)),
        "conv_offset.bias": RNG.normal(size=18 * parts),
    }
    if modulated:
        weights["bias"] = RNG.normal(size=6)
    load_reference_weights(layer, weights)
    x = RNG.normal(size=(2, 5, 6, 4))
    frame = window_frame(x.shape[1:3], (3, 3), layer)
    kernel = golden.conv(weights["conv_offset.weight"])
    out = convolution(x, kernel, layer, frame) + weights["conv_offset.bias"]
    first, second, *mask = np.split(out, parts, axis=-1)
    y = convolution(
        x,
        golden.conv(weights["weight"]),
        layer,
        frame,
        np.concatenate([first, second], axis=-1),
        *map(sigmoid, mask),
    )
    assert_close(layer(x), y + weights.get("bias", 0))


@pytest.mark.parametrize("use_bias", [True, False])
def test_torchvision_weights_keep_those_of_the_offsets(use_bias):
    layer = built(use_bias=use_bias)
    before = [to_numpy(getattr(layer, name)) for name in OFFSETS]
    weights = {"layer4.0.conv2.weight": RNG.normal(size=(6, 4, 3, 3))}
    if use_bias:
        weights["layer4.0.conv2.bias"] = RNG.normal(size=6)
    load_reference_weights(layer, weights)
    assert_close(layer.kernel, golden.conv(weights["layer4.0.conv2.weight"]))
    if use_bias:
        assert_close(layer.bias, weights["layer4.0.conv2.bias"])
    for name, old in zip(OFFSETS, before, strict=True):
        np.testing.assert_array_equal(to_numpy(getattr(layer, name)), old)
    exported = export_reference_weights(layer, "torchvision")
    assert exported.keys() == {
        name.removeprefix("layer4.0.conv2.") for name in weights
    }


def error_message(layer, source):
    """Return the lines of the error, and check that no weight changed."""
    before = layer.get_weights()
    with pytest.raises(ValueError, match="`source` must") as caught:
        load_reference_weights(layer, source)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    return str(caught.value).splitlines()


def test_other_names_of_the_offsets_raise_with_the_known_layouts():
    layer = built()
    exported = export_reference_weights(layer, "torchvision")
    source = {f"conv.{name}": exported[name] for name in exported}
    source["offset.weight"] = np.zeros((27, 4, 3, 3))
    summary, unexpected, hint, _ = error_message(layer, source)
    assert "layout 'torchvision'" in summary
    assert unexpected == "unexpected keys: 'offset.weight'"
    assert hint == (
        "The layout 'torchvision' has no names for 'offset_kernel', "
        "'offset_bias', which keep their values. If the source has these "
        "weights, give them the names of another layout: 'official', 'mmcv', "
        "'detectron2', 'DCNv2', 'aliked'."
    )


@pytest.mark.parametrize("layout", NAMES)
@pytest.mark.parametrize("missing", ["weight", "bias"])
def test_missing_weights_of_the_offsets_raise(layout, missing):
    """They are not taken for weights of torchvision, which has none."""
    layer = built()
    exported = export_reference_weights(layer, layout)
    name = NAMES[layout][1] + missing
    del exported[name]
    summary, missing_keys = error_message(layer, exported)
    assert f"layout {layout!r}" in summary
    assert missing_keys == f"missing keys: {name!r}"


def test_biases_of_deformable_conv2d_raise_with_a_hint():
    exported = export_reference_weights(built(), "torchvision")
    lines = error_message(built(use_bias=False), exported)
    assert lines[1] == "unexpected keys: 'bias'"
    assert "The source has biases: set `use_bias=True` in the target." in lines
    del exported["bias"]
    summary, *lines = error_message(built(), exported)
    assert "layout 'torchvision'" in summary
    assert lines == [
        "missing keys: 'bias'",
        "The source has no biases: set `use_bias=False` in the target.",
    ]


def test_unknown_names_raise_with_the_layouts_of_deformable_conv2d():
    message = "\n".join(error_message(built(), {"kernel": np.zeros(3)}))
    for layout in ("torchvision", *NAMES):
        assert re.search(rf"^{layout}: '\S*weight', ", message, re.MULTILINE)


@pytest.mark.parametrize("name", ["offset12.weight", "offset1.weight"])
def test_conv_offset2d_loads_published_weights(name):
    layer = ConvOffset2D(offset_layout="scrambled")
    layer.build((None, None, None, 4))
    weight = RNG.normal(size=(8, 4, 3, 3))
    load_reference_weights(layer, {name: weight})
    assert_close(to_numpy(layer.offset.kernel), golden.conv(weight))
