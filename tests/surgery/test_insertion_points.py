"""Insertion points: `branch_ends`, `block_ends` and `stage_ends`."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_attention
import surgery_networks as networks
from keras_attention import block_ends
from keras_attention import branch_ends
from keras_attention import stage_ends

FINDERS = [block_ends, branch_ends, stage_ends]


def conv(x, name, filters=4, size=3, **kwargs):
    return layers.Conv2D(filters, size, padding="same", name=name, **kwargs)(x)


def model_of(function, shape=(8, 8, 4)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, function(inputs))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_insertion_points_of_a_residual_network(data_format):
    model = networks.residual(data_format)
    assert branch_ends(model) == ["first_norm", "second_2_norm"]
    assert block_ends(model) == ["first_out", "second_out"]
    assert stage_ends(model) == ["first_out", "second_out"]


def test_insertion_points_in_nested_models():
    inputs = keras.Input((8, 8, 3))
    x = conv(inputs, "before", 3)
    model = keras.Model(inputs, networks.residual()(x))
    paths = ["residual/first_norm", "residual/second_2_norm"]
    assert branch_ends(model) == paths
    assert block_ends(model) == ["residual/first_out", "residual/second_out"]
    assert stage_ends(model) == ["residual/first_out", "residual/second_out"]


def test_stage_ends_in_a_nested_model_only_if_it_ends_outside():
    def network(x):
        x = keras.Sequential([layers.Conv2D(4, 1, name="one")], name="inner")(x)
        x = layers.MaxPooling2D()(x)
        x = keras.Sequential([layers.Conv2D(4, 1, name="one")], name="next")(x)
        return conv(x, "last")

    assert stage_ends(model_of(network)) == ["inner/one", "last"]


def test_branches_are_found_for_any_order_and_names():
    def network(x):
        y = conv(conv(x, "shortcut"), "skip")
        x = layers.Add(name="a")([y, x])
        wide = conv(x, "wide", size=3)
        return layers.Add(name="b")([wide, conv(x, "narrow", size=1)])

    model = model_of(network)
    assert branch_ends(model) == ["skip", "wide"]
    assert block_ends(model) == ["a", "b"]


def test_addition_of_three_inputs_has_two_branches():
    def network(x):
        return layers.Add(name="add")([conv(x, "one"), x, conv(x, "two")])

    model = model_of(network)
    assert branch_ends(model) == ["one", "two"]
    fusion = keras_attention.AttentionalFeatureFusion()
    with pytest.raises(ValueError, match="select a residual addition of two"):
        keras_attention.replace_add(model, fusion)


def test_other_additions_are_not_residual():
    left, right = keras.Input((8, 8, 4)), keras.Input((8, 8, 4))
    x = conv(left, "left") + conv(right, "right")  # comes from two inputs
    x = x + layers.ReLU()(x)  # has no weights
    x = x * conv(x, "gate")
    x = layers.Maximum()([x, conv(x, "other")])
    x = x + layers.Dense(4)(layers.GlobalAveragePooling2D(keepdims=True)(x))
    model = keras.Model([left, right], x)
    assert branch_ends(model) == block_ends(model) == []


@keras.saving.register_keras_serializable(package="tests")
class ScaledSum(layers.Layer):
    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs):
        return inputs[0] + self.scale * inputs[1]


@keras.saving.register_keras_serializable(package="tests")
class Picky(layers.Layer):
    def call(self, inputs):
        if len(inputs[0].shape) == 4 and not isinstance(
            inputs[0], keras.KerasTensor
        ):
            raise NotImplementedError
        return inputs[0]

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])


def test_custom_layers_that_add_are_found():
    def network(x):
        x = ScaledSum(0.2, name="sum")([x, conv(x, "branch")])
        return Picky()([x, conv(x, "other")])

    assert branch_ends(model_of(network)) == ["branch"]
    assert branch_ends(model_of(network, (None, None, 4))) == ["branch"]


def test_block_includes_activations_of_the_sum():
    def network(x):
        x = layers.Add(name="add")([x, conv(x, "conv")])
        x = layers.Dropout(0.1, name="drop")(layers.ReLU(name="relu")(x))
        return conv(x, "next")

    assert block_ends(model_of(network)) == ["drop"]
    inputs = keras.Input((8, 8, 4))
    total = inputs + conv(inputs, "conv")
    model = keras.Model(inputs, [total, layers.ReLU()(total)])
    assert [name[:3] for name in block_ends(model)] == ["add"]


@pytest.mark.parametrize("shape", [(32, 32, 4), (None, None, 4)])
def test_stage_ends(shape):
    def network(x):
        x = layers.Rescaling(2.0)(x)
        x = layers.ZeroPadding2D(1)(x)
        x = layers.Conv2D(4, 3, 2, name="stem")(x)
        x = layers.ReLU(name="stem_relu")(x)
        x = layers.MaxPooling2D(name="pool")(x)
        x = conv(layers.ReLU()(x), "valid")
        x = layers.ZeroPadding2D(1, name="pad")(x)
        x = layers.AveragePooling2D(3, 2)(x)
        x = layers.AveragePooling2D(1, 2)(x)
        x = conv(x, "deep")
        x = layers.BatchNormalization(name="deep_norm")(x)
        x = layers.GlobalMaxPooling2D(keepdims=True)(x)
        return conv(x, "head")

    model = model_of(network, shape)
    assert stage_ends(model) == ["stem_relu", "valid", "deep_norm"]


def test_stage_ends_with_several_inputs_and_outputs():
    image, number = keras.Input((32, 32, 4)), keras.Input((3,))
    x = conv(image, "one")
    y = layers.Dense(4, name="dense")(number)
    x = layers.Multiply(name="product")([x, layers.Reshape((1, 1, 4))(y)])
    fine = x
    x = conv(x, "two", strides=2)
    x = layers.Concatenate(name="both")([x, layers.MaxPooling2D()(fine)])
    model = keras.Model([image, number], [fine, x, y])
    assert stage_ends(model) == ["product", "both"]


def test_stage_ends_of_signals_and_growing_maps():
    inputs = keras.Input((32, 4))
    x = layers.Conv1D(4, 3, name="one")(inputs)
    x = layers.MaxPooling1D()(x)
    x = layers.Conv1D(4, 3, name="two")(x)
    x = layers.UpSampling1D(4, name="up")(x)
    x = layers.Conv1DTranspose(4, 3, 2, name="three")(x)
    model = keras.Model(inputs, x)
    assert stage_ends(model) == ["one", "three"]


def test_stage_ends_before_a_pooling_operation():
    def network(x):
        return keras.ops.mean(conv(x, "conv"), (1, 2))

    assert stage_ends(model_of(network)) == ["conv"]


@pytest.mark.parametrize("finder", FINDERS)
def test_attach_accepts_the_names(finder):
    model = networks.residual()
    attention = keras_attention.SqueezeExcite(2)
    new = keras_attention.attach(model, attention, finder(model))
    x = networks.images(model)
    assert np.array_equal(*map(keras.ops.convert_to_numpy, (new(x), model(x))))


@pytest.mark.parametrize("finder", FINDERS)
def test_models_without_a_graph_raise(finder):
    with pytest.raises(ValueError, match=r"functional or .*Received: model=3"):
        finder(3)
    with pytest.raises(ValueError, match=r"must be built.*Received: model=<"):
        finder(keras.Sequential([layers.Dense(2)]))


def test_stage_ends_around_a_model_of_one_size():
    inner = keras.Sequential(
        [
            keras.Input((64, 64, 3)),
            layers.Conv2D(4, 3, strides=2, padding="same", name="first"),
            layers.Conv2D(8, 3, strides=2, padding="same", name="second"),
        ],
        name="inner",
    )
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 1, name="conv")(inner(inputs))
    outputs = layers.Conv2D(4, 3, strides=2, name="down")(x)
    model = keras.Model(inputs, outputs)
    assert stage_ends(model) == ["inner/first", "conv", "down"]


def test_stage_ends_around_a_layer_of_one_size():
    class Crop(layers.Layer):
        def call(self, x):
            return x[:, :8, :8]

        def compute_output_spec(self, x):
            if x.shape[1] == 256:
                raise ValueError("no such size")
            return keras.KerasTensor((None, None, None, 3))

    inputs = keras.Input((None, None, 3))
    x = conv(Crop(name="crop")(inputs), "conv")
    outputs = layers.Conv2D(4, 3, strides=2, name="down")(x)
    assert stage_ends(keras.Model(inputs, outputs)) == ["conv", "down"]
