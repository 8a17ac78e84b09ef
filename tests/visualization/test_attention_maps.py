"""`attention_maps`: paths, values, models and errors."""

import re

import keras
import numpy as np
import pytest
from keras import layers

import keras_attention
from autodiff import BACKEND
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from keras_attention import CBAM
from keras_attention import SqueezeExcite
from keras_attention import attention_maps
from keras_attention import grad_cam
from surgery_networks import randomized


def images(count=3, side=6, channels=3):
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, side, side, channels)).astype("float32")


def shapes(maps):
    return keras.tree.map_structure(np.shape, maps)


def siamese():
    """Return a model with a shared model, two inputs and several layers."""
    shared = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            layers.Conv2D(4, 3, padding="same"),
            CBAM(name="cbam"),
        ],
        name="shared",
    )
    left, right = (
        keras.Input((6, 6, 3), name=name) for name in ("left", "right")
    )
    x = keras_attention.AttentionalFeatureFusion(name="aff")(
        shared(left), shared(right)
    )
    x = keras_attention.IdentityStart(SqueezeExcite(2), name="start")(x)
    x, grid = keras_attention.SpatialTransformer(
        layers.Conv2D(2, 5), name="stn"
    )(x, return_attention=True)
    x = layers.Dense(2)(layers.GlobalAveragePooling2D()(x))
    return randomized(keras.Model({"left": left, "right": right}, [x, grid]))


class Subclassed(keras.Model):
    """A model that calls a layer twice and contains another model."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.stages = [layers.Conv2D(4, 3, padding="same"), SqueezeExcite(2)]
        self.inner = keras.Sequential(
            [keras_attention.GatedChannelTransform(name="gct")], name="inner"
        )
        self.unused = SqueezeExcite(name="unused")
        self.unused.build((None, 6, 6, 4))
        self.drop = layers.Dropout(0.5, seed=1)
        self.fails = False

    def call(self, x, training=None):
        conv, gate = self.stages
        x = gate(conv(x))
        if self.fails:
            raise RuntimeError("in the middle")
        return self.drop(gate(self.inner(x)), training=training)


def test_maps_are_the_weights_that_layers_use():
    model = siamese()
    x = {"left": images(), "right": 1 + images()}
    maps = attention_maps(model, x)
    assert list(maps) == ["shared/cbam", "shared/cbam:1", "aff", "start", "stn"]
    assert list(maps["shared/cbam"]) == ["channel", "spatial"]
    shared = model.get_layer("shared")
    cbam = shared.get_layer("cbam")
    before = keras.Model(shared.inputs[0], cbam.input)
    inputs_of_cbam = [before(x[name]) for name in ("left", "right")]
    for path, value in zip(maps, inputs_of_cbam, strict=False):
        assert_close(maps[path], cbam.attention(value))
    aff = model.get_layer("aff")
    refined = [cbam(value) for value in inputs_of_cbam]
    assert_close(maps["aff"], aff.attention(*refined))
    fused = aff(*refined)
    start = model.get_layer("start")
    assert_close(maps["start"], start.layer.attention(fused))
    assert_close(maps["stn"], model(x)[1])
    assert [path.layer for path in maps][1:4] == [cbam, aff, start]


def test_subclassed_model_that_is_not_built():
    model = Subclassed()
    maps = attention_maps(model, images())
    gate = model.stages[1].name
    assert shapes(maps) == dict.fromkeys(
        [gate, "inner/gct", f"{gate}:1"], (3, 1, 1, 4)
    )
    refined = model.stages[1](model.stages[0](images()))
    assert_close(maps["inner/gct"], model.inner.layers[0].attention(refined))


def test_model_does_not_change():
    model = Subclassed()
    model(images())
    kept = model.inner.call
    model.inner.call = kept  # A user may have set the attribute.
    before = [to_numpy(v).copy() for v in model.variables]
    attention_maps(model, images())
    model.fails = True
    with pytest.raises(RuntimeError, match="in the middle"):
        attention_maps(model, images())
    assert model.inner.call is kept
    others = [x for x in model._flatten_layers() if x is not model.inner]
    assert not any("call" in vars(layer) for layer in others)
    assert_same([v.value for v in model.variables], before)
    model.fails = False
    model(images(), training=True)
    assert not model.losses


def test_layer_in_half_precision():
    layer = SqueezeExcite(2, name="se", dtype="mixed_bfloat16")
    maps = attention_maps(layer, images())
    assert list(maps) == ["se"]
    assert maps["se"].dtype == "float32"
    expected = keras.ops.cast(layer.attention(images()), "float32")
    assert_close(maps["se"], expected)


def test_batches_are_concatenated():
    layer = SqueezeExcite(2)
    maps = attention_maps(layer, images(), batch_size=2)
    assert_close(maps[layer.name], layer.attention(images()))


def test_model_without_attention_has_no_maps():
    model = keras.Sequential([layers.Flatten()])
    assert attention_maps(model, images()) == {}


def test_layers_inside_a_wrapper_without_attention():
    start = keras_attention.IdentityStart(
        keras.Sequential([SqueezeExcite(2, name="se")], name="parts"),
        name="start",
    )
    maps = attention_maps(start, images())
    assert list(maps) == ["parts/se"]


def test_recurrent_attention_has_locations():
    ram = keras_attention.RecurrentAttention(
        3,
        units=4,
        num_glimpses=2,
        glimpse_size=2,
        # JAX takes long to compile samples of another shape.
        monte_carlo_samples=1 if BACKEND == "jax" else 2,
        seed=1,
        name="ram",
    )
    inputs = keras.Input((6, 6, 3))
    x = SqueezeExcite(1, name="se")(inputs)
    model = randomized(keras.Model(inputs, ram(x)))
    state = to_numpy(ram.seed_generator.state)
    maps = attention_maps(model, images())
    assert list(maps) == ["se", "ram"]
    refined = model.get_layer("se")(images())
    assert_close(maps["ram"], ram.locations(refined))
    assert_same(ram.seed_generator.state.value, state)


class Halved(layers.Layer):
    """A custom layer with `return_attention`."""

    def call(self, x, return_attention=False):
        return (x / 2, 0 * x + 0.5) if return_attention else x / 2


def test_dynamic_capacity_network():
    """The calls of its top that compute the saliency have no maps."""
    model = keras_attention.DynamicCapacityNetwork(
        keras.Sequential(
            [layers.Conv2D(4, 2, 2), Halved(name="half")],
            name="coarse",
        ),
        layers.Conv2D(4, 2),
        keras.Sequential(
            [
                Halved(name="half"),
                layers.Flatten(),
                layers.Dense(3, "softmax"),
            ],
            name="top",
        ),
        num_patches=2,
        patch_size=2,
        patch_stride=2,
        name="dcn",
    )
    maps = attention_maps(model, images())
    assert list(maps) == ["coarse/half", "top/half", "dcn"]
    assert_same(maps["dcn"], model.attention(images()))
    assert shapes(maps)["dcn"] == {
        "saliency": (3, 3, 3),
        "positions": (3, 2, 2),
    }


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        (np.ones((2, 4)), {"batch_size": 0}, "Received: batch_size=0"),
    ],
)
def test_invalid_batch_size_raises(inputs, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        attention_maps(layers.Dense(2), inputs, **options)


def classifier():
    inputs = keras.Input((6, 6, 3))
    x = SqueezeExcite(1)(inputs)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))


class Refusing(keras.Model):
    """A model that raises for any inputs."""

    def call(self, x):
        raise TypeError("no\nsuch inputs")


@pytest.mark.parametrize("function", [attention_maps, grad_cam])
@pytest.mark.parametrize(
    ("model", "inputs", "message"),
    [
        (None, images(), "a Keras layer or model. Received: model=None"),
        (keras.Model, images(), "layer or model. Received: model=<class"),
        (np.tanh, images(), "a Keras layer or model. Received: model=<ufunc"),
        ("model", images(), "a Keras layer or model. Received: model='model'"),
        *(
            (
                layers.Dense(2),
                wrong,
                f"of samples, at least one. Received: inputs={received}",
            )
            for wrong, received in (
                (np.ones((0, 4)), "array of shape (0, 4)"),
                (np.ones(()), "array of shape ()"),
                (3.0, "3.0"),
                (None, "None"),
                ({}, "{}"),
                ("text", "'text'"),
                (
                    [np.ones((2, 4)), np.ones((3, 4))],
                    "['array of shape (2, 4)', 'array of shape (3, 4)']",
                ),
                (keras.Input((4,)), "<KerasTensor"),
                (keras.Input((4,), 2), "<KerasTensor"),
            )
        ),
        (
            classifier(),
            np.ones((2, 6, 6)),
            "shape (None, 6, 6, 3). Received: inputs=array of shape (2, 6, 6)",
        ),
        (
            classifier(),
            [np.ones((2, 6, 6, 3))] * 2,
            "of shape (None, 6, 6, 3). Received: inputs=['array of shape",
        ),
        (
            layers.Conv2D(2, 3),
            np.ones((2, 6)),
            "must be inputs that `model` accepts, which raised ValueError: In",
        ),
        (
            Refusing(),
            np.ones((2, 6)),
            "raised TypeError: no. Received: inputs=array of shape (2, 6)",
        ),
    ],
)
def test_invalid_models_and_inputs_raise(function, model, inputs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        function(model, inputs)
