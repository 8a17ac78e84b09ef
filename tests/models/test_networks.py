"""The networks: outputs and arguments."""

import dataclasses
import inspect
import re
from typing import Any
from typing import Literal

import keras
import numpy as np
import pytest

from autodiff import subset
from keras_attention import EfficientChannelAttention
from keras_attention import SimAM
from keras_attention import SqueezeExcite
from keras_attention import export_reference_weights
from keras_attention import models
from keras_attention.models import _imagenet
from keras_attention.models import se_resnet
from keras_attention.models._network import network
from small_networks import small
from small_networks import small_of

PIXEL = np.array([255.0, 0.0, 51.0])
IMAGES = np.random.default_rng(0).normal(size=(2, 37, 50, 3)).astype("float32")


@pytest.mark.parametrize("family", subset(["se_basic", "attention"]))
def test_network_without_top_takes_any_size(family):
    model = small(family, include_top=False)
    channels = model.output_shape[-1]
    assert model.output_shape == (None, None, None, channels)
    strides = 16 if family == "attention" else 32
    for height, width in ((36, 60), (64, 32)):
        images = np.zeros((1, height, width, 3), "float32")
        sides = (-(-height // strides), -(-width // strides))
        assert model(images).shape == (1, *sides, channels)


def test_pooling_reduces_the_last_map():
    model = small("se_basic", include_top=False)
    last = model.predict_on_batch(IMAGES)
    for pooling, expected in (
        ("avg", last.mean(axis=(1, 2))),
        ("max", last.max(axis=(1, 2))),
    ):
        pooled = small("se_basic", include_top=False, pooling=pooling)
        pooled.set_weights(model.get_weights())
        found = pooled.predict_on_batch(IMAGES)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_input_tensor_is_the_input():
    images = keras.Input((32, 32, 3), name="pictures")
    model = small("se_basic", input_tensor=keras.layers.Rescaling(2)(images))
    assert model.inputs[0] is images
    assert model.output_shape == (None, 10)
    same = small("se_basic", input_tensor=images, input_shape=(32, 32, 3))
    assert same.input_shape == (None, 32, 32, 3)


def test_input_shape_may_have_any_channels():
    model = small("se_basic", input_shape=(32, 48, 1))
    assert model.input_shape == (None, 32, 48, 1)
    first = small(
        "se_basic", input_shape=(1, 32, 48), data_format="channels_first"
    )
    assert first.count_params() == model.count_params()


def test_dropout_is_before_the_classifier():
    *_, dropout, classifier = small("senet").layers
    assert isinstance(dropout, keras.layers.Dropout)
    assert (dropout.rate, classifier.name) == (0.2, "predictions")


def test_layers_are_named_by_stage_and_block():
    layers = [layer.name for layer in small("se").layers]
    for name in ("stem_conv1", "stage1_block1_conv1", "stage2_block2_se"):
        assert name in layers
    assert layers[-1] == "predictions"


def test_builders_have_the_arguments_of_keras_applications():
    signature = inspect.signature(models.SEResNet50)
    assert list(signature.parameters) == [
        "include_top",
        "weights",
        "input_tensor",
        "input_shape",
        "pooling",
        "classes",
        "classifier_activation",
        "variant",
        "use_bias",
        "attention",
        "data_format",
        "name",
    ]
    assert signature.parameters["name"].default == "seresnet50"


@pytest.mark.parametrize("name", models.__all__)
def test_docstrings_of_builders_have_all_sections_in_order(name):
    builder = getattr(models, name)
    docstring = inspect.getdoc(builder)
    starts = [docstring.index(it) for it in ("Args:", "Returns:", "Raises:")]
    assert starts == sorted(starts)
    for argument in inspect.signature(builder).parameters:
        assert f"\n    {argument}: " in docstring


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        ({"include_top": 1}, "include_top=1"),
        ({"classes": 0}, "classes=0"),
        ({"pooling": "mean"}, "pooling='mean'"),
        ({"weights": 3}, "weights=3"),
        ({"weights": "imagenet"}, "weights='imagenet'"),
        ({"data_format": "last"}, "data_format='last'"),
        ({"input_shape": (32, 32)}, r"input_shape=\(32, 32\)"),
        ({"input_shape": (3, 3, None)}, r"input_shape=\(3, 3, None\)"),
        ({"input_shape": 32}, "input_shape=32"),
        ({"input_tensor": 3}, "input_tensor=3"),
        (
            {
                "input_tensor": keras.KerasTensor((None, 8, 8, 3)),
                "input_shape": (9, 8, 3),
            },
            r"input_shape=\(9, 8, 3\)",
        ),
        (
            {"input_tensor": keras.KerasTensor((None, 8, 3))},
            r"input_tensor=\(8, 3\)",
        ),
    ],
)
def test_invalid_arguments_raise(arguments, received):
    with pytest.raises(ValueError, match=f"Received: {received}$"):
        small("se_basic", **arguments)


def test_imagenet_weights_raise_with_a_hint():
    with pytest.raises(ValueError, match="this package hosts no weights"):
        models.SEResNet50(weights="imagenet")


@network
def SmallSEResNet(
    variant: Literal["official", "torch"] = "official",
    use_bias: bool = True,
    attention: Any = "se",
):
    """Builds a small network with the arguments of `SEResNet50`."""
    options = {"variant": variant, "use_bias": use_bias, "attention": attention}
    architecture = models.SEResNet50.__wrapped__(**options)
    return dataclasses.replace(architecture, depths=(1,), widths=(16,))


@pytest.mark.parametrize(
    ("saved", "layout", "given", "fits", "received"),
    [
        (
            {"variant": "torch"},
            "timm",
            {},
            "variant='torch'",
            "variant='official'",
        ),
        (
            {},
            "timm_legacy",
            {"variant": "torch", "use_bias": True},
            "variant='official', use_bias=True",
            "variant='torch'",
        ),
        (
            {"variant": "torch", "use_bias": False},
            "senet.pytorch",
            {"classes": 3},
            "variant='torch', use_bias=False",
            "variant='official', use_bias=True",
        ),
    ],
)
def test_weights_of_another_variant_raise_with_its_arguments(
    saved, layout, given, fits, received, tmp_path
):
    path = tmp_path / "weights.npz"
    np.savez(path, **export_reference_weights(SmallSEResNet(**saved), layout))
    with pytest.raises(ValueError, match="must be those of") as caught:
        SmallSEResNet(weights=path, **given)
    assert str(caught.value) == (
        "`weights` must be those of the network. This file has those of "
        f"`SmallSEResNet({fits})`. Nothing was loaded. "
        f"Received: weights={str(path)!r}, {received}"
    )


def test_weights_of_no_variant_raise_the_list_of_mismatches(tmp_path):
    path = tmp_path / "weights.npz"
    weights = export_reference_weights(SmallSEResNet(), "timm_legacy")
    del weights["layer0.conv1.weight"]
    np.savez(path, **weights)
    with pytest.raises(
        ValueError, match=r"missing keys: 'layer0\.conv1\.weight'"
    ):
        SmallSEResNet(weights=path)


def test_weights_of_another_number_of_classes_raise_with_a_hint(tmp_path):
    path = tmp_path / "weights.npz"
    weights = export_reference_weights(SmallSEResNet(), "timm_legacy")
    np.savez(path, **weights)
    with pytest.raises(ValueError, match="`include_top=False`"):
        SmallSEResNet(weights=path, classes=10)
    SmallSEResNet(weights=path, include_top=False)


@pytest.mark.parametrize(
    "builder",
    [
        models.SEResNet18,
        models.CBAMResNet18,
        models.AFFResNet50,
        models.ECAResNet50,
        models.CoordResNet50,
    ],
)
def test_invalid_variants_raise(builder):
    with pytest.raises(ValueError, match=r"Received: variant='timn'$"):
        builder(variant="timn")
    with pytest.raises(TypeError, match="variants"):
        builder(variants="timm")


ATTENTION = [
    (models.SEResNet18, "stage1_block1_attention"),
    (models.SENet154, "stage1_block1_attention"),
    (models.CBAMResNet50, "stage1_block1_attention"),
    (models.SGEResNet50, "stage1_block1_attention"),
    (models.GCTResNet50, "stage1_block1_attention1"),
    (models.ECAResNet50, "stage1_block1_attention"),
    (models.GCResNet50, "stage1_block1_attention"),
    (models.CoordResNet50, "stage1_block1_attention"),
    (models.BAMResNet50, "stage1_attention"),
]


@pytest.mark.parametrize(("builder", "name"), ATTENTION)
def test_builders_accept_names_of_attention(builder, name):
    architecture = builder.__wrapped__(attention="simam")
    network = small_of(architecture)
    assert isinstance(network.get_layer(name), SimAM)
    template = SqueezeExcite(4, use_bias=True, name="gate", dtype="float32")
    layers = [
        layer
        for layer in small_of(builder.__wrapped__(attention=template)).layers
        if isinstance(layer, SqueezeExcite)
    ]
    assert len(layers) >= 3
    assert template not in layers
    assert {layer.reduction for layer in layers} == {4}
    assert all(layer.use_bias for layer in layers)
    plain = small_of(builder.__wrapped__(attention=None))
    assert not any(name == layer.name for layer in plain.layers)


@pytest.mark.parametrize(("builder", "name"), ATTENTION)
def test_unknown_names_of_attention_raise(builder, name):
    with pytest.raises(ValueError, match="did you mean"):
        builder(attention="simm")


@pytest.mark.parametrize(
    ("builder", "names"),
    [
        (models.SEResNet18, ("SqueezeExcite", "SE")),
        (models.CBAMResNet18, ("CBAM",)),
        (models.SGEResNet50, ("SpatialGroupEnhance",)),
        (models.GCTResNet50, ("GatedChannelTransform",)),
        (models.ECAResNet50, ("EfficientChannelAttention", "ECA")),
        (models.GCResNet50, ("GlobalContext", "global_context")),
        (models.CoordResNet50, ("CoordinateAttention", "Coord")),
        (models.BAMResNet50, ("BAM",)),
    ],
)
def test_every_name_of_the_own_attention_is_the_published_network(
    builder, names
):
    def layers(**kwargs):
        network = small_of(builder.__wrapped__(**kwargs))
        return [layer.get_config() for layer in network.layers]

    for name in names:
        assert layers(attention=name) == layers()


@pytest.mark.parametrize("attention", ["ag", "aff", keras.layers.Dense(3)])
@pytest.mark.parametrize(
    "builder", [models.SEResNet50, models.GCTResNet50, models.BAMResNet50]
)
def test_attention_of_two_maps_or_another_shape_raises(builder, attention):
    with pytest.raises(ValueError, match=r"accept one map, .*Received: atten"):
        builder(attention=attention, input_shape=(32, 32, 3))


def test_short_forms_are_other_attention():
    network = small_of(models.ECAResNet50.__wrapped__(attention="ceca"))
    assert network.get_layer("stage1_block1_attention").circular


def test_stages_may_have_other_arguments():
    layers = small("eca").layers
    sizes = {
        layer.name: layer.kernel_size
        for layer in layers
        if isinstance(layer, EfficientChannelAttention)
    }
    assert sizes == {
        "stage1_block1_eca": 3,
        "stage2_block1_eca": 5,
        "stage2_block2_eca": 5,
        "stage3_block1_eca": 5,
        "stage4_block1_eca": 7,
    }


def test_invalid_use_bias_raises():
    with pytest.raises(ValueError, match=r"Received: use_bias='no'$"):
        models.SEResNet18(use_bias="no")


def test_torch_mode_normalizes_images(data_format):
    image = np.broadcast_to(PIXEL, (4, 5, 3))
    expected = [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]
    found = preprocessed(_imagenet.preprocess_torch, image, data_format)
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-5)


def test_caffe_mode_subtracts_means_from_bgr_images(data_format):
    image = np.broadcast_to(PIXEL, (4, 5, 3))
    found = preprocessed(se_resnet.preprocess_input, image, data_format)
    np.testing.assert_allclose(found[2, 3], [51 - 104, -117, 255 - 123])


def test_preprocessing_mode_is_chosen_or_raises():
    image = np.full((1, 4, 5, 3), 200, "uint8")
    np.testing.assert_array_equal(
        se_resnet.preprocess_input(image, mode="torch"),
        _imagenet.preprocess_torch(image),
    )
    for mode in ("tf", "official", None):
        message = f"`mode` must be 'caffe' or 'torch'. Received: mode={mode!r}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            se_resnet.preprocess_input(image, mode=mode)


def preprocessed(preprocess, image, data_format):
    """Return an image preprocessed in a data format, channels last."""
    if data_format == "channels_last":
        return keras.ops.convert_to_numpy(preprocess(image, data_format))
    found = preprocess(np.moveaxis(image, -1, 0), data_format)
    return np.moveaxis(keras.ops.convert_to_numpy(found), 0, -1)


def test_predictions_are_decoded_by_keras(monkeypatch):
    monkeypatch.setattr(
        keras.applications.imagenet_utils,
        "decode_predictions",
        lambda predictions, top: [[type(predictions), top]],
    )
    predictions = keras.ops.ones((1, 1000))
    assert se_resnet.decode_predictions(predictions) == [[np.ndarray, 5]]
    assert se_resnet.decode_predictions(predictions, top=2)[0][1] == 2


def test_network_trains():
    model = small("se")
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = model.get_layer("stem_conv1").get_weights()[0]
    losses = [model.train_on_batch(IMAGES, np.array([1, 2])) for _ in range(3)]
    assert np.all(np.isfinite(losses))
    after = model.get_layer("stem_conv1").get_weights()[0]
    assert np.any(before != after)
