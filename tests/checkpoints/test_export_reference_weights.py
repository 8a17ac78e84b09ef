"""Exported weights have published names and shapes, and load again."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from autodiff import subset
from cases import EVERYTHING
from keras_attention import CBAM
from keras_attention import CoordinateAttention
from keras_attention import EffectiveSqueezeExcite
from keras_attention import EfficientChannelAttention
from keras_attention import GatedChannelTransform
from keras_attention import GlimpseNetwork
from keras_attention import GlobalContext
from keras_attention import GlobalResponseNorm
from keras_attention import IterativeAttentionalFeatureFusion
from keras_attention import LinearContextTransform
from keras_attention import PolarizedSelfAttention
from keras_attention import SelectiveKernel
from keras_attention import ShuffleAttention
from keras_attention import SpatialChannelSqueezeExcite
from keras_attention import SpatialGroupEnhance
from keras_attention import SqueezeExcite
from keras_attention import StyleRecalibration
from keras_attention import TripletAttention
from keras_attention import export_reference_weights
from keras_attention import load_reference_weights
from keras_attention.checkpoints._network_names import NETWORK_NAMES
from keras_attention.checkpoints._registry import KEY_MAPS
from keras_attention.checkpoints._registry import key_maps_of
from small_networks import small


def official_cbam():
    return CBAM(4, spatial_input="refined", spatial_norm=True)


@pytest.mark.parametrize(
    ("layer", "file", "layout"),
    [
        (SqueezeExcite(4), "se", "senet.pytorch"),
        (CBAM(), "cbam_tf", "tensorflow"),
        (official_cbam(), "cbam_paper", "official"),
        (EffectiveSqueezeExcite(), "ese", "official"),
        (EffectiveSqueezeExcite(), "ese_sigmoid", "timm"),
        (EfficientChannelAttention(), "eca", "official"),
        (EfficientChannelAttention(5), "eca_circular", "timm"),
        (GlobalContext(4), "global_context_add", "mmcv"),
        (
            GlobalContext(4, fusion="both"),
            "global_context_both",
            "mmcv",
        ),
        (GlobalResponseNorm(), "grn", "official"),
        (StyleRecalibration(), "srm", "official"),
        (LinearContextTransform(4), "lct", "pytorch-attention"),
        (SpatialGroupEnhance(4), "sge", "official"),
        (GatedChannelTransform(), "gct_l2", "official"),
        (
            SelectiveKernel(24, groups=2, reduction=4),
            "sk",
            "selective-kernel-conv",
        ),
        (CoordinateAttention(2), "coordinate", "official"),
        (CoordinateAttention(use_bias=False), "coordinate_no_bias", "timm"),
        (TripletAttention(), "triplet", "official"),
        (ShuffleAttention(4), "shuffle", "official"),
        (PolarizedSelfAttention(), "polarized_parallel", "official"),
        (
            PolarizedSelfAttention("sequential"),
            "polarized_sequential",
            "official",
        ),
        (
            SpatialChannelSqueezeExcite(4),
            "scse_add",
            "segmentation_models.pytorch",
        ),
        (SpatialChannelSqueezeExcite(4), "scse_max", "official"),
    ],
)
def test_loaded_weights_are_exported_unchanged(layer, file, layout, golden):
    reference = golden(file)
    layer.build(reference.x.shape)
    load_reference_weights(layer, reference.w)
    exported = export_reference_weights(layer, layout)
    # The golden file has a prefix, which is not a part of the layout.
    published = {
        name.removeprefix("cbam_a/"): array
        for name, array in reference.w.items()
    }
    assert exported.keys() == published.keys()
    for name, array in published.items():
        np.testing.assert_array_equal(exported[name], array)


def test_glimpse_networks_load_exported_weights(rng):
    layer = GlimpseNetwork(4, num_scales=2, glimpse_size=3)
    layer.build((None, 8, 8, 2), (None, 2))
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    exported = export_reference_weights(layer, "recurrent-visual-attention")
    before = layer.get_weights()
    layer.set_weights([0 * weight for weight in before])
    load_reference_weights(layer, exported)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_unused_weights_are_not_exported():
    layer = IterativeAttentionalFeatureFusion(share_global=True)
    layer.build((None, 4, 4, 8), (None, 4, 4, 8))
    exported = export_reference_weights(layer, "official")
    assert not any(name.startswith("global_att2") for name in exported)


# The published names of the convolution in the stem and of a layer in a block,
# and whether the classifier is `last_linear`.
NETWORKS = [
    ("se", "timm_legacy", "layer0.conv1", "layer2.1.se_module.fc1", True),
    ("se", "caffe", "conv1/7x7_s2", "conv3_2_1x1_down", False),
    ("senet", "timm_legacy", "layer0.conv3", "layer2.1.se_module.fc2", True),
    ("se_torch", "timm", "conv1", "layer2.1.se.fc1", False),
    ("se_torch", "senet.pytorch", "conv1", "layer2.1.se.fc.0", False),
    ("se_moskomule", "senet.pytorch", "conv1", "layer2.1.se.fc.2", False),
    ("cbam", "official", "conv1", "layer2.1.cbam.ChannelGate.mlp.1", False),
    ("cbam_timm", "timm", "conv1", "layer2.1.se.spatial.conv.conv", False),
    ("sge", "official", "conv1", "layer2.1.sge", False),
    ("sk", "timm", "conv1", "layer2.1.conv2.attn.fc_reduce", False),
    ("sk", "caffe", "conv1/7x7_s2", "conv3_2/B_fc1", False),
    ("sk_basic", "timm", "conv1", "layer2.1.conv1.attn.fc_select", False),
    ("eca", "official", "conv1", "layer2.1.eca.conv", False),
    ("eca_timm", "timm", "conv1.6", "layer2.1.se.conv", False),
    ("gc", "timm", "stem.conv3.conv", "stages.1.1.attn.mlp_add.fc1", False),
    ("coord_timm", "timm", "conv1", "layer2.1.se.conv_h", False),
    ("bam", "official", "conv1", "bam3.channel_att.gate_c.gate_c_bn_1", False),
    ("resnest", "timm", "conv1.3", "layer2.1.conv2.fc1", False),
    ("gct", "official", "stem.conv1.1", "layer2.1.conv2.1", False),
    ("aff_torch", "official", "conv1", "layer2.1.fuse_mode.local_att.0", False),
    ("iaff_torch", "official", "conv1", "layer2.0.downsample.0", False),
    ("aff", "official", "conv1.6", "layer3.0.fuse_mode.global_att.1", False),
    ("iaff", "official", "conv1.3", "layer4.0.downsample.1", False),
]


@pytest.mark.parametrize(
    ("family", "layout", "stem", "inside", "is_last_linear"), subset(NETWORKS)
)
def test_networks_load_exported_weights(
    family, layout, stem, inside, is_last_linear
):
    model = small(family)
    exported = export_reference_weights(model, layout)
    for name in (stem, inside):
        assert f"{name}.weight" in exported
    assert ("last_linear.bias" in exported) == is_last_linear
    assert len(exported) >= len(model.weights)
    another = small(family)
    load_reference_weights(
        another, {f"module.{name}": exported[name] for name in exported}
    )
    for old, new in zip(
        model.get_weights(), another.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(old, new)


def test_builders_load_files(tmp_path):
    model = small("se")
    np.savez(
        tmp_path / "published.npz",
        **export_reference_weights(model, "timm_legacy"),
    )
    model.save(tmp_path / "network.keras")
    model.save_weights(tmp_path / "network.weights.h5")
    for file in ("published.npz", "network.keras", "network.weights.h5"):
        for path in (tmp_path / file, str(tmp_path / file)):
            loaded = small("se", weights=path)
            for old, new in zip(
                model.get_weights(), loaded.get_weights(), strict=True
            ):
                np.testing.assert_array_equal(old, new)


def test_network_without_classifier_ignores_its_weights():
    model = small("cbam")
    exported = export_reference_weights(model, "official")
    headless = small("cbam", include_top=False)
    load_reference_weights(headless, exported)
    for old, new in zip(
        model.get_weights()[:-2], headless.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(old, new)
    exported = export_reference_weights(headless, "official")
    assert not any(name.startswith("fc") for name in exported)


def test_saved_network_exports_weights(tmp_path):
    model = small("gct")
    model.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    exported = export_reference_weights(loaded, "official")
    assert exported["stem.conv1.0.alpha"].shape == (1, 3, 1, 1)


def test_weights_of_another_variant_raise_with_a_hint():
    exported = export_reference_weights(small("se_torch"), "timm")
    with pytest.raises(ValueError, match=r"with that `variant`\.") as caught:
        load_reference_weights(small("se"), exported)
    message = str(caught.value).splitlines()
    assert message[1].startswith("missing keys: 'layer0.conv1.weight', ")
    assert message[2].startswith("unexpected keys: ")


def test_weights_of_another_classifier_raise():
    exported = export_reference_weights(small("sge"), "official")
    with pytest.raises(ValueError, match="shape mismatch") as caught:
        load_reference_weights(small("sge", classes=7), exported)
    assert "shape mismatch: 'fc.weight' (found (10, " in str(caught.value)
    assert "variant" not in str(caught.value)


def test_weights_without_a_published_name_raise():
    model = small("cbam")
    grown = keras.Model(
        model.input, keras.layers.Dense(3, name="own")(model.output)
    )
    with pytest.raises(ValueError, match=r"none for 'own.kernel', 'own.bias'"):
        export_reference_weights(grown, "official")
    exported = export_reference_weights(model, "official")
    with pytest.raises(ValueError, match="a key for the target's weight 'own"):
        load_reference_weights(grown, exported)


@pytest.mark.parametrize(
    "target",
    [
        keras.layers.Dense(1),
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]),
        keras.Sequential(name="empty"),
        keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(1),
                keras.layers.Dense(1, name="predictions"),
            ]
        ),
        small("attention"),
    ],
)
def test_networks_without_a_layout_raise(target):
    with pytest.raises(
        ValueError, match=r"SqueezeExcite.*\. Received: target=<"
    ):
        export_reference_weights(target, "timm")


def test_unknown_layouts_raise():
    layer = SqueezeExcite()
    layer.build((None, 4, 4, 8))
    known = "'senet.pytorch', 'timm', 'caffe', 'paddleocr' or 'paddle'"
    for layout in ("torchvision", "tim", "TIMM", 3, ["timm"]):
        message = f"`layout` must be {known}. Received: layout={layout!r}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            export_reference_weights(layer, layout)


def layouts_of(cls):
    """Return the layouts of a layer, which may depend on its arguments."""
    cases = [case for case in EVERYTHING if case.layer_cls is cls]
    found = [layout for case in cases for layout in key_maps_of(case.generic())]
    return dict.fromkeys(found)


def layers_by_layout():
    """Return the names of the layers that have a layout, by layout."""
    layers = {names.layout: [] for names in NETWORK_NAMES}
    for cls in KEY_MAPS:
        for layout in layouts_of(cls):
            layers.setdefault(layout, []).append(cls.__name__)
    return layers


def test_docstrings_and_page_name_every_layout():
    page = Path(__file__).parents[2] / "docs" / "api" / "checkpoints.md"
    rows = {}
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith('| `"'):
            _, layout, _, layers, *_ = line.split("|")
            rows[layout.strip(' `"')] = re.findall(r"`(\w+)`", layers)
    found = layers_by_layout()
    assert rows.keys() == found.keys()
    for layout, layers in found.items():
        assert sorted(rows[layout]) == sorted(layers)
        for function in (load_reference_weights, export_reference_weights):
            assert f'`"{layout}"`' in function.__doc__
