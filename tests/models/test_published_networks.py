"""Whole networks: published numbers of parameters, logits, and saving."""

import json
import math
import zlib

import keras
import numpy as np
import pytest

import golden
from autodiff import BACKEND
from autodiff import subset
from keras_attention import load_reference_weights
from keras_attention import models
from keras_attention._base.channels_first import ChannelsFirstConv2D
from small_networks import FAMILIES
from small_networks import small

PARAMETERS = {
    "BAMResNet50": 25_915_099,
    "CoordResNet50": 27_474_864,
    "ECAResNet18": 11_689_556,
    "ECAResNet50": 25_557_112,
    "ECAResNet101": 44_549_317,
    "GCResNet50": 25_897_080,
    "ResNeSt14": 10_611_688,
    "ResNeSt26": 17_069_448,
    "ResNeSt50": 27_483_240,
    "ResNeSt101": 48_275_016,
    "SEResNet34": 21_958_868,
    "AFFResNet50": 30_373_192,
    "AttentionNeXt56": 31_318_824,
    "AttentionResNet56": 31_810_728,
    "AttentionResNet92": 52_466_344,
    "CBAMResNet101": 49_330_172,
    "CBAMResNet18": 11_779_392,
    "CBAMResNet34": 21_960_468,
    "CBAMResNet50": 28_089_624,
    "GCTResNet50": 25_624_625,
    "IAFFResNeXt50": 34_750_632,
    "IAFFResNet50": 35_170_120,
    "SENet154": 115_088_984,
    "SEResNeXt101": 48_955_416,
    "SEResNeXt50": 27_559_896,
    "SEResNet101": 49_326_872,
    "SEResNet152": 66_821_848,
    "SEResNet18": 11_778_592,
    "SEResNet50": 28_088_024,
    "SGEResNet101": 44_553_384,
    "SGEResNet50": 25_559_080,
    "SKNet101": 48_686_760,
    "SKNet50": 27_479_784,
    "SKResNet18": 11_958_056,
    "SKResNet34": 22_282_376,
}
VARIANTS = {
    ("CoordResNet50", "timm"): 28_083_464,
    ("ECAResNet18", "timm"): 11_708_780,
    ("ECAResNet50", "timm"): 25_576_350,
    ("ECAResNet101", "timm"): 44_568_563,
    ("SEResNet18", "timm"): 11_779_624,
    ("SEResNet34", "timm"): 21_960_416,
    ("AFFResNet50", "torch"): 45_789_864,
    ("CBAMResNet50", "timm"): 28_073_576,
    ("SEResNet18", "torch"): 11_778_592,
    ("SEResNet50", "torch"): 28_088_024,
}


# Numbers with the statistics of batch normalization, where they are published.
TOTALS = {
    "AttentionNeXt56": 31_417_256,
    "AttentionResNet92": 52_599_976,
    "CBAMResNet101": 49_435_582,
    "IAFFResNeXt50": 34_923_688,
    "SENet154": 115_336_536,
    "SKNet101": 48_859_304,
}


GOLDENS = {
    "official_cbam_resnet18": (models.CBAMResNet18, {}),
    "official_gct_resnet50": (models.GCTResNet50, {}),
    "official_sge_resnet50": (models.SGEResNet50, {}),
    "timm_legacy_seresnet50": (models.SEResNet50, {}),
    "timm_resnet50_cbam": (models.CBAMResNet50, {"variant": "timm"}),
    "timm_seresnet50": (models.SEResNet50, {"variant": "torch"}),
    "timm_skresnext50_32x4d": (models.SKNet50, {}),
}
IMAGES = np.random.default_rng(0).normal(size=(2, 37, 50, 3)).astype("float32")


def parameters(builder, **options):
    """Return the numbers of trainable and of all parameters of a network."""
    with keras.StatelessScope(initialize_variables=False):
        model = builder(**options)
    trainable = sum(math.prod(w.shape) for w in model.trainable_weights)
    return trainable, model.count_params()


@pytest.mark.parametrize("name", subset(models.__all__))
def test_networks_have_the_published_number_of_parameters(name):
    trainable, total = parameters(getattr(models, name))
    assert trainable == PARAMETERS[name]
    assert total == TOTALS.get(name, total)
    assert f"{trainable:,} trainable" in getattr(models, name).__doc__


@pytest.mark.parametrize(("name", "variant"), subset(VARIANTS))
def test_variants_have_the_published_number_of_parameters(name, variant):
    counted, _ = parameters(getattr(models, name), variant=variant)
    assert counted == VARIANTS[name, variant]


def test_no_two_builders_describe_the_same_network():
    networks = [getattr(models, name).__wrapped__() for name in models.__all__]
    for index, network in enumerate(networks):
        assert network not in networks[:index], models.__all__[index]


def test_seresnet_without_biases_has_the_parameters_of_senet_pytorch():
    options = {"variant": "torch", "use_bias": False}
    assert parameters(models.SEResNet50, **options)[0] == 28_071_976


def weight_of(name, shape):
    """Return the weight of a golden file, whose seed is its name."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    n = rng.standard_normal(shape)
    fan_in = math.prod(shape[1:])
    if name.endswith("running_var"):
        weight = 0.5 + n**2 / 2
    elif name.endswith("running_mean"):
        weight = 0.1 * n
    elif len(shape) > 1 and fan_in > 1:
        weight = n * np.sqrt(2 / fan_in)
    elif len(shape) == 1 and name.endswith("weight"):
        weight = 0.6 + 0.1 * n
    else:
        weight = 0.05 * n
    return weight.astype("float32")


@pytest.fixture
def zero_kernels(monkeypatch):
    """Initialize kernels with zeros, to save time before weights are loaded."""

    def zeros(self, shape, dtype=None):
        return keras.ops.zeros(shape, dtype)

    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", zeros)


@pytest.mark.usefixtures("zero_kernels")
@pytest.mark.parametrize("name", subset(GOLDENS, 2))
def test_networks_compute_the_published_logits(name):
    builder, options = GOLDENS[name]
    with np.load(golden.FOLDER / "models" / f"{name}.npz") as file:
        names, shapes = file["keys"], file["shapes"]
        logits, meta = file["logits"], json.loads(str(file["meta"]))
    weights = {
        str(name): weight_of(str(name), json.loads(str(shape)))
        for name, shape in zip(names, shapes, strict=True)
    }
    model = builder(classifier_activation=None, **options)
    load_reference_weights(model, {f"module.{k}": weights[k] for k in weights})
    size = 224 if "(2,224,224,3)" in meta["input"] else 64
    images = np.random.default_rng(0).standard_normal((2, size, size, 3))
    found = model.predict_on_batch(images.astype("float32"))
    assert np.abs(found - logits).max() <= 1e-4 * np.abs(logits).max()


# Every kind of block and stem. The contract tests the data formats of layers.
@pytest.mark.parametrize(
    "family",
    subset(
        [
            "se_basic",
            "senet",
            "sk",
            "aff_torch",
            "iaff",
            "gct",
            "gc",
            "bam",
            "resnest",
            "attention_next",
        ],
    ),
)
def test_both_data_formats_compute_the_same(family):
    last = small(family, include_top=False, pooling="avg")
    first = small(
        family,
        include_top=False,
        pooling="avg",
        data_format="channels_first",
    )
    first.set_weights(last.get_weights())
    expected = last.predict_on_batch(IMAGES)
    found = first.predict_on_batch(np.moveaxis(IMAGES, -1, 1))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("family", subset(["se_basic", "aff_torch"], 2))
def test_channels_first_networks_survive_saving(family, tmp_path):
    """Their convolutions are of a class that runs on any CPU."""
    model = small(family, data_format="channels_first", include_top=False)
    model.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    convs = [x for x in loaded.layers if isinstance(x, keras.layers.Conv2D)]
    assert {type(conv) for conv in convs} == {ChannelsFirstConv2D}
    images = np.moveaxis(IMAGES, -1, 1)
    np.testing.assert_array_equal(
        loaded.predict_on_batch(images), model.predict_on_batch(images)
    )


@pytest.mark.parametrize("family", subset(FAMILIES))
def test_networks_survive_saving(family, tmp_path):
    model = small(family)
    model.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    for layer, saved in zip(loaded.layers, model.layers, strict=True):
        assert layer.get_config() == saved.get_config()
    for found, expected in zip(
        loaded.get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.fixture
def mixed_float16():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.usefixtures("mixed_float16")
@pytest.mark.parametrize(
    "family", subset(FAMILIES, 1 if BACKEND == "torch" else 4)
)
def test_layers_have_the_global_dtype_policy(family):
    model = small(family)
    assert {layer.compute_dtype for layer in model.layers} == {"float16"}
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert model.output.dtype == "float16"


@pytest.mark.usefixtures("mixed_float16")
def test_predictions_in_mixed_precision_are_finite():
    found = small("cbam").predict_on_batch(IMAGES)
    assert np.all(np.isfinite(found))
    np.testing.assert_allclose(found.sum(axis=-1), 1, rtol=1e-2)
