"""`attach`: inserted layers, unchanged outputs, and training."""

import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

import keras_attention
import surgery_networks as networks
from autodiff import subset
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_numpy
from keras_attention import CBAM
from keras_attention import AttentionalFeatureFusion
from keras_attention import GatedChannelTransform
from keras_attention import IdentityStart
from keras_attention import SpatialGroupEnhance
from keras_attention import SqueezeExcite
from keras_attention import attach
from keras_attention.surgery import _table


@keras.saving.register_keras_serializable(package="tests")
class Shifted(layers.Layer):
    """A custom layer that is built by its call, without shape inference."""

    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units)
        self.back = layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.back.build((*input_shape[:-1], self.units))

    def call(self, inputs):
        return 1 + self.back(self.dense(inputs))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def se(**kwargs):
    # SiLU has a gradient everywhere, so all weights get one.
    return SqueezeExcite(2, activation="silu", **kwargs)


def assert_upgraded(new, old):
    """Check that a new model has the outputs and weights of the old one."""
    x = networks.images(old)
    assert_same(new(x), old(x))
    assert isinstance(new, type(keras.Model(new.inputs, new.outputs)))
    copies = networks.leaves(new)
    for path, layer in networks.leaves(old).items():
        copy = copies[path]
        assert copy is not layer
        assert_same(copy.get_weights(), layer.get_weights())


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("first_norm", ["first_norm"]),
        ("(first|second)_out", ["first_out", "second_out"]),
        (re.compile("sec.*_add"), ["second_add"]),
        (["second_out", "stem"], ["stem", "second_out"]),
        (("stem",), ["stem"]),
        (
            lambda layer: isinstance(layer, layers.Add),
            ["first_add", "second_add"],
        ),
        (["images"], ["images"]),
    ],
)
def test_where_selects_layers(where, expected):
    model = networks.residual()
    new = attach(model, se(), where)
    assert networks.inserted(new, model) == [
        f"{name}_squeeze_excite" for name in expected
    ]
    for name in expected:
        layer = new.get_layer(f"{name}_squeeze_excite")
        before = new.get_layer(name).output
        assert layer.input is before
    assert_upgraded(new, model)


@pytest.mark.parametrize(
    "dtype", subset(["float32", "mixed_float16", "mixed_bfloat16"], 2)
)
def test_upgraded_model_computes_the_same(data_format, dtype):
    model = networks.residual(data_format, dtype)
    new = attach(
        model,
        CBAM(data_format=data_format, dtype=dtype),
        keras_attention.branch_ends(model),
    )
    assert len(networks.inserted(new, model)) == 2
    assert_upgraded(new, model)
    for training in (False, True):
        x = networks.images(model)
        assert_same(new(x, training=training), model(x, training=training))


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("attention", [SqueezeExcite, GatedChannelTransform])
def test_dtypes_of_the_model_are_kept(attention, dtype):
    model = networks.residual(dtype=dtype)
    new = attach(model, attention(dtype="float32"), "first_norm")
    x = networks.images(model)
    assert new(x).dtype == model(x).dtype
    assert_same(new(x), model(x))
    after = new.get_layer("first_add").input[1]
    assert after.dtype == dtype.removeprefix("mixed_")


def test_given_model_does_not_change():
    model = networks.residual()
    x = networks.images(model)
    before, weights = to_numpy(model(x)), model.get_weights()
    config = model.get_config()
    new = attach(model, se(), ".*_out")
    networks.changed_by_two_steps(new, new.layers)
    assert_same(model(x), before)
    assert_same(model.get_weights(), weights)
    assert model.get_config() == config
    assert not {id(w) for w in model.weights} & {id(w) for w in new.weights}
    for each in (model, new, model, attach(model, se(), "stem"), model):
        each.predict(
            x, verbose=0
        )  # On JAX, `predict` donates the buffers of the model.
    for layer in model.layers:
        assert layer.output is not None  # Each layer still has one call.


def test_new_weights_learn_within_two_steps():
    model = networks.residual(activation="tanh")
    given = se(use_bias=True), SpatialGroupEnhance(2), Shifted()
    for attention in subset(given, 3):
        new = attach(model, attention, "first_norm")
        (name,) = networks.inserted(new, model)
        layer = new.get_layer(name)
        first, second = networks.changed_by_two_steps(new, [layer])
        assert first == {layer.scale.path}
        assert second == {w.path for w in layer.trainable_weights}


def test_layers_that_start_as_identity_are_not_wrapped():
    model = networks.residual()
    new = attach(model, GatedChannelTransform(), ".*_norm")
    assert_upgraded(new, model)
    layer = new.get_layer("first_norm_gated_channel_transform")
    assert type(layer) is GatedChannelTransform
    first, second = networks.changed_by_two_steps(new, [layer])
    assert {path.rpartition("/")[2] for path in first} == {"beta", "gamma"}
    assert second == {w.path for w in layer.weights}


def test_spatial_transformer_starts_close_to_the_identity():
    model = networks.residual()
    localization = keras.Sequential([layers.Conv2D(2, 8), layers.Flatten()])
    attention = keras_attention.SpatialTransformer(localization)
    new = attach(model, attention, "first_out")
    x = networks.images(model)
    assert_close(new(x), model(x))


def test_identity_false_inserts_layers_unwrapped():
    model = networks.residual()
    new = attach(model, se(name="gate"), "first_norm", identity=False)
    layer = new.get_layer("first_norm_gate")
    assert type(layer) is SqueezeExcite
    x = networks.images(model)
    assert np.abs(to_numpy(new(x)) - to_numpy(model(x))).max() > 1e-3
    assert_same(
        new.get_layer("stem").get_weights(),
        model.get_layer("stem").get_weights(),
    )


def test_any_layer_that_keeps_the_shape_is_accepted():
    model = networks.residual()
    for attention in (
        layers.Conv2D(4, 3, padding="same"),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
        keras.Sequential([layers.Conv2D(2, 1), layers.Conv2D(4, 1)]),
        Shifted(),
    ):
        new = attach(model, attention, "first_norm")
        assert_upgraded(new, model)
    new = attach(model, layers.Dense(3), "head")  # A vector is accepted, too.
    assert_upgraded(new, model)


def test_function_makes_a_layer_for_each_insertion_point():
    model = networks.residual()
    called_with = []

    def attention(layer):
        called_with.append(layer.name)
        return SqueezeExcite(hidden_units=layer.output.shape[-1], name="gate")

    new = attach(model, attention, ".*_out")
    assert called_with == ["first_out", "second_out"]
    assert networks.inserted(new, model) == [
        "first_out_gate",
        "second_out_gate",
    ]
    assert new.get_layer("second_out_gate").layer.hidden_units == 6
    assert_upgraded(new, model)


def test_weights_of_layers_from_a_function_are_kept():
    model = networks.residual()
    made = []

    def attention(layer):
        made.append(GatedChannelTransform())
        made[-1].build(layer.output.shape)
        return made[-1]

    new = attach(model, attention, "first_out")
    assert made[0] in new.layers

    def moved(layer):
        attention(layer).gamma.assign([1.0] * 4)
        return made[-1]

    new = attach(model, moved, "first_out")
    layer = new.get_layer("first_out_gated_channel_transform")
    assert layer.layer is made[-1]
    assert_same(layer.layer.gamma, np.ones(4))
    assert_upgraded(new, model)


def test_taken_names_get_a_number():
    model = networks.residual()
    once = attach(model, se(), "first_out")
    with pytest.warns(UserWarning, match="already has 1 attention gate: "):
        twice = attach(once, se(), "first_out")
    assert networks.inserted(twice, once) == ["first_out_squeeze_excite_1"]
    assert_upgraded(twice, once)


def nested(inner):
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(3, 1, name="before")(inputs)
    x = inner(x)
    x = layers.Dense(2, name="after")(x)
    return networks.randomized(keras.Model(inputs, x))


@pytest.mark.parametrize("where", ["first_norm", "residual/first_norm"])
def test_attention_in_a_nested_model(where):
    model = nested(networks.residual())
    new = attach(model, se(), where)
    assert networks.names(new) == networks.names(model)
    inner, old = new.get_layer("residual"), model.get_layer("residual")
    assert networks.inserted(inner, old) == ["first_norm_squeeze_excite"]
    assert_upgraded(new, model)
    layer = inner.get_layer("first_norm_squeeze_excite")
    assert layer.trainable_weights[0].path in {w.path for w in new.weights}


def test_attention_after_a_nested_model():
    model = nested(networks.residual())
    new = attach(model, layers.Dense(3), ["residual"])
    assert networks.inserted(new, model) == ["residual_dense"]
    assert_upgraded(new, model)
    predicate = lambda layer: isinstance(layer, keras.Model)  # noqa: E731
    again = attach(model, layers.Dense(3), predicate)
    assert networks.inserted(again, model) == ["residual_dense"]


def test_separator_of_paths_is_a_slash():
    model = nested(networks.residual())
    with pytest.raises(ValueError, match="must select at least one"):
        attach(model, se(), "residual.first_norm")


def test_sequential_models_are_upgraded():
    model = networks.chain()
    new = attach(model, se(), "one|two")
    assert networks.inserted(new, model) == [
        "one_squeeze_excite",
        "two_squeeze_excite",
    ]
    assert_upgraded(new, model)
    inputs = keras.Input((6, 6, 3))
    outer = keras.Model(inputs, layers.ReLU()(model(inputs)))
    new = attach(outer, se(), "one|chain")
    assert type(new.get_layer("chain")) is keras.Sequential
    assert networks.names(new.get_layer("chain")) == [
        "one",
        "one_squeeze_excite",
        "two",
    ]
    assert networks.inserted(new, outer) == ["chain_squeeze_excite"]
    assert_upgraded(new, outer)


def test_shared_layers_share_their_attention():
    left, right = keras.Input((6, 6, 3)), keras.Input((6, 6, 3))
    shared, inner = layers.Conv2D(4, 3, name="shared"), networks.chain()
    outputs = layers.Concatenate(name="both")(
        [shared(inner(x)[..., :3]) for x in (left, right)]
    )
    model = keras.Model([left, right], outputs)
    new = attach(model, se(), ["shared", "one", "chain"])
    assert_upgraded(new, model)
    assert len(new.layers) == len(model.layers) + 2
    x, y = networks.images(model)
    layer = new.get_layer("shared_squeeze_excite")
    assert len(layer._inbound_nodes) == 2
    layer.scale.assign([1.0] * 4)
    assert_same(new([x, y])[..., :4], new([y, x])[..., 4:])
    assert np.any(to_numpy(new([x, y])) != to_numpy(model([x, y])))


def test_structures_of_inputs_and_outputs_are_kept():
    image, number = (
        keras.Input((8, 8, 3), name="a"),
        keras.Input((2,), name="b"),
    )
    x = layers.Conv2D(4, 3, name="conv")(image)
    y = layers.Dense(4, name="dense")(number)
    z = layers.Multiply(name="product")([x, y[:, None, None]])
    model = keras.Model(
        {"a": image, "b": number}, {"map": z, "vector": y, "raw": image * 2}
    )
    new = attach(model, se(), ["conv", "product"])
    x = networks.images(model)
    expected, found = model(x), new(x)
    assert found.keys() == expected.keys()
    assert_same(found, expected)
    listed = keras.Model([image, number], [z, y])
    new = attach(listed, layers.Dense(4), ["dense"])
    assert_upgraded(new, listed)


def test_attention_after_an_operation():
    inputs = keras.Input((6, 6, 4))
    x = layers.Conv2D(4, 3, padding="same")(inputs)
    x = keras.ops.relu(x * 2 + 1) + inputs
    model = keras.Model(inputs, x[:, ::2])
    (point,) = keras_attention.block_ends(model)
    new = attach(model, se(), [point])
    assert_upgraded(new, model)
    assert networks.inserted(new, model) == [f"{point}_squeeze_excite"]
    with pytest.raises(ValueError, match="at least one layer"):
        attach(model, se(), point)  # Patterns select layers only.


def test_unknown_sizes_are_kept():
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, name="conv")(inputs)
    model = keras.Model(inputs, x)
    new = attach(model, se(), "conv")
    assert new.output_shape == (None, None, None, 4)
    assert_upgraded(new, model)


def test_training_arguments_are_kept():
    inputs = keras.Input((8, 8, 3))
    x = networks.residual()(inputs, training=False)
    model = keras.Model(inputs, x)
    new = attach(model, se(), "first_norm")
    x = networks.images(model)
    assert_same(new(x, training=True), model(x, training=True))
    node = new.get_layer("residual")._inbound_nodes[-1]
    assert node.arguments.kwargs["training"] is False


def test_frozen_layers_stay_frozen():
    inner = networks.residual()
    inner.trainable = False
    model = nested(inner)
    model.get_layer("before").trainable = False
    new = attach(model, se(), ["first_norm", "before"])
    assert len(new.trainable_weights) == 2 * 3 + 2  # two gates, and "after"
    layer = new.get_layer("residual").get_layer("first_norm_squeeze_excite")
    _, moved = networks.changed_by_two_steps(new, [layer])
    assert moved == {w.path for w in layer.trainable_weights}
    model.trainable = False
    new = attach(model, se(), ["before"])
    assert len(new.trainable_weights) == 3


def test_frozen_nested_model_freezes_its_layers():
    inner = networks.residual()
    inner.trainable = False
    inner.get_layer("stem").trainable = True  # without effect
    model = nested(inner)
    new = attach(model, se(), "before|first_norm")
    assert not new.get_layer("residual").get_layer("stem").trainable


def test_adapted_layers_stay_adapted():
    norm = layers.Normalization(name="norm")
    data = np.random.default_rng(0).normal(3, 2, size=(20, 8, 8, 3))
    norm.adapt(data)
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="conv")(norm(inputs))
    model = keras.Model(inputs, x)
    assert_upgraded(attach(model, se(), "conv"), model)


class Trained(keras.Model):
    """A subclass that takes a graph."""


class Fixed(keras.Model):
    """A model whose constructor makes its graph."""

    def __init__(self):
        inputs = keras.Input((4, 4, 2))
        super().__init__(inputs, layers.Conv2D(2, 1, name="conv")(inputs))


def test_class_is_kept_if_it_takes_a_graph():
    model = networks.residual()
    own = Trained(model.input, model.output, name="own")
    new = attach(own, se(), "stem")
    assert isinstance(new, Trained)
    assert new.name == "own"
    model = Fixed()
    new = attach(model, se(), "conv")
    assert not isinstance(new, Fixed)
    assert_same(new(networks.images(model)), model(networks.images(model)))


READ = """
import sys, numpy as np, keras, keras_attention
model = keras.saving.load_model(sys.argv[1])
x = np.load(sys.argv[2])["x"]
np.savez(sys.argv[3], y=keras.ops.convert_to_numpy(model(x)))
"""


def test_upgraded_model_survives_saving(tmp_path):
    model = nested(networks.residual())
    new = attach(model, CBAM(), "first_norm|second_.*")
    networks.randomized(new)
    path, given, found = (
        tmp_path / name for name in ("new.keras", "given.npz", "found.npz")
    )
    new.save(path)
    x = networks.images(new)
    loaded = keras.saving.load_model(path)
    assert_same(loaded(x), new(x))
    for old, read in zip(new.weights, loaded.weights, strict=True):
        assert old.path == read.path
    weights = tmp_path / "new.weights.h5"
    new.save_weights(weights)
    again = attach(model, CBAM(), "first_norm|second_.*")
    again.load_weights(weights)
    assert_same(again(x), new(x))
    np.savez(given, x=x)
    code = [sys.executable, "-c", READ, str(path), str(given), str(found)]
    subprocess.run(code, check=True, capture_output=True)
    assert_close(np.load(found)["y"], new(x), 1e-6)


def squeezed(pooling, multiply):
    inputs = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 3, name="conv")(inputs)
    s = layers.Dense(2, activation="relu")(pooling(x))
    s = layers.Activation("silu")(layers.Dense(4)(s))
    s = s * keras.ops.sigmoid(s + 1)
    y = multiply(x, s)
    return keras.Model(inputs, layers.Conv2D(4, 1, name="last")(y))


@pytest.mark.parametrize("keepdims", [False, True])
def test_existing_gates_warn(keepdims):
    def pooling(x):
        return layers.GlobalAveragePooling2D(keepdims=keepdims)(x)

    def multiply(x, s):
        if keepdims:
            return layers.Multiply(name="excite")([x, s])
        return x * layers.Reshape((1, 1, 4))(s)

    model = squeezed(pooling, multiply)
    with pytest.warns(UserWarning, match="already has 1 attention gate: "):
        new = attach(model, se(), "last")
    assert_upgraded(new, model)
    if keepdims:
        with pytest.warns(UserWarning, match="gate: excite. `attach` keeps"):
            attach(model, se(), "conv")


def test_products_that_are_not_gates_do_not_warn():
    inputs, other = keras.Input((8, 8, 4)), keras.Input((4,))
    x = layers.Conv2D(4, 3, name="conv")(inputs)
    pooled = layers.GlobalAveragePooling2D()(x)
    products = [
        layers.Multiply()([x, layers.Reshape((1, 1, 4))(s)])
        for s in (layers.Dense(4)(other), pooled)
    ]
    products.append(layers.Multiply()([x, x]))
    model = keras.Model([inputs, other], layers.Add()(products))
    attach(model, se(), "conv")  # no warning, which would be an error


def test_verbose_prints_a_table(capsys):
    model = nested(networks.residual())
    attach(
        model, se(use_bias=True), ["before", "residual/first_out"], verbose=1
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["after", "shape", "inserted", "parameters"],
        ["-" * 19, "-" * 10, "-" * 25, "-" * 10],
        ["before", *["8", "x", "8", "x", "3"], "before_squeeze_excite", "13"],
        [
            "residual/first_out",
            *["8", "x", "8", "x", "4"],
            "first_out_squeeze_excite",
            "26",
        ],
        ["2", "insertion", "points,", "39", "parameters", "added."],
    ]


def test_table_is_plain_text_of_any_width(capsys):
    names = ["block" * 30, "[bold]:smile:[/bold]"]
    header = ["after", "shape", "inserted", "parameters"]
    _table.show(header, [[name, "8 x 8 x 4", name, 1234] for name in names])
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert [line.split() for line in lines[2:4]] == [
        [name, *["8", "x", "8", "x", "4"], name, "1,234"] for name in names
    ]
    assert out.isascii()
    assert "\x1b" not in out
    # The numbers are below each other.
    assert len({len(line) for line in lines[:4]}) == 1


def test_table_fits_into_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    _table.show(["after", "inserted", "parameters"], [["a" * 90, "b", 1234]])
    *lines, last = capsys.readouterr().out.splitlines()
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert plain != lines
    assert max(map(len, plain)) <= 60
    assert "".join(plain).count("a") == 90 + "after parameters".count("a")
    assert last == "1 insertion point, 1,234 parameters added."


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            "frist_norm",
            r"did you mean 'first_norm'.*Received: where='frist_norm'",
        ),
        (
            "42",
            r"select at least one layer \(among .*'head' ...\). Received",
        ),
        ("(", r"regular expression.*Received: where='\('"),
        (["stem", "haed"], r"no 'haed' \(did you mean 'head'\?\)\. Received"),
        ([], r"select at least one layer\. Received: where=\[\]"),
        (
            lambda layer: False,
            r"one layer \(among .*'head' ...\)\. Received: where=<",
        ),
        ([3], r"a list of names or a function.*Received: where=\[3\]"),
        (3, r"a list of names or a function of a layer\. Received: where=3"),
        (b"stem", r"a list of names or a function.*Received: where=b'stem'"),
        (
            re.compile(b"stem"),
            r"pattern of text, not bytes.*Received: where=re",
        ),
        (layers.ReLU(), r"list of names or a function.*Received: where=<ReLU"),
        (layers.Conv2D, r"list of names or a function.*Received: where=<class"),
        (
            lambda layer: np.array([True, False]),
            r"returns True or .* called with 'images'.* Received: where=<f",
        ),
        (
            lambda: True,
            r"called with 'images' it raised TypeError: .* Received: where=<f",
        ),
        (
            lambda layer: layer.filters > 3,
            r"with 'images' it raised AttributeError: .* Received: where=<f",
        ),
    ],
)
def test_invalid_where_raises(where, message):
    with pytest.raises(ValueError, match=f"^`where` must .*{message}"):
        attach(networks.residual(), se(), where)


@pytest.mark.parametrize(
    ("attention", "message"),
    [
        (SqueezeExcite, "be a layer, the name of one.*Received: attention=<c"),
        (
            lambda layer: None,
            r"a new layer each time.*attention\('stem'\)=None",
        ),
        (
            SqueezeExcite(data_format="channels_first"),
            "the data format of the model, 'channels_last'. Received: data",
        ),
        (
            AttentionalFeatureFusion(2),
            "accept one tensor.* 'residual'. Received: attention=<Attenti",
        ),
        (
            layers.LSTM(4),
            "accept one tensor.* ValueError.* Received: attention=<LSTM",
        ),
        (
            keras.ops.relu,
            "called with 'stem' it raised .*: .* Received: attention=<f",
        ),
        (
            lambda: se(),
            "called with 'stem' it raised TypeError: .* Received: attention=<f",
        ),
    ],
)
@pytest.mark.parametrize("identity", [True, False])
def test_invalid_attention_raises(attention, message, identity):
    with pytest.raises(ValueError, match=f"^`attention` must .*{message}"):
        attach(networks.residual(), attention, "stem", identity=identity)


def test_returning_the_same_layer_twice_raises():
    layer = se()
    with pytest.raises(ValueError, match="must return a new layer each time"):
        attach(networks.residual(), lambda _: layer, ".*_out")


class Failing(layers.Layer):
    """A layer that can be traced, but not run."""

    def call(self, x):
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        return input_shape


def test_layers_that_cannot_run_are_wrapped():
    new = attach(networks.residual(), Failing(), "stem")
    assert isinstance(new.get_layer("stem_failing"), IdentityStart)


class Scaled(layers.Layer):
    """A layer without `compute_output_shape`, built by `build`."""

    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.scale = self.add_weight(
            (input_shape[-1],), keras.initializers.Constant(self.start)
        )

    def call(self, x):
        return x * self.scale

    def get_config(self):
        return {**super().get_config(), "start": self.start}


@pytest.mark.parametrize("start", [1.0, 0.5])
@pytest.mark.parametrize("identity", [True, False])
@pytest.mark.parametrize("built", [True, False])
def test_layers_without_compute_output_shape(start, identity, built):
    def made(layer):
        scaled = Scaled(start)
        scaled.build(layer.output.shape)
        return scaled

    model = networks.chain()
    attention = made if built else Scaled(start)
    new = attach(model, attention, "two", identity=identity)
    x = networks.images(model)
    assert_close(new(x), model(x) * (1.0 if identity else start))
    layer = new.layers[-1]
    assert isinstance(layer, IdentityStart) == (identity and start != 1)
    assert layer.output is new.outputs[0]


@pytest.mark.parametrize("identity", [True, False])
def test_other_output_shapes_raise(identity):
    attention = layers.Conv2D(5, 1)
    with pytest.raises(ValueError, match=r"must keep the shape.*Received: "):
        attach(networks.residual(), attention, "stem", identity=identity)


def test_several_outputs_raise():
    inputs = keras.Input((4, 2))
    parts = layers.LSTM(3, return_state=True, name="lstm")(inputs)
    with pytest.raises(ValueError, match=r"must return one tensor.*Received: "):
        attach(keras.Model(inputs, parts), layers.Dense(3), "lstm")


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"identity": 1}, "True or False. Received: identity=1"),
        ({"verbose": 2}, "0 or 1. Received: verbose=2"),
        ({"verbose": "1"}, "0 or 1. Received: verbose='1'"),
        ({"verbose": np.array([0, 1])}, "0 or 1. Received: verbose=array"),
    ],
)
def test_invalid_options_raise(kwargs, message):
    with pytest.raises(ValueError, match=message):
        attach(networks.residual(), se(), "stem", **kwargs)


def test_models_without_a_graph_raise():
    for model in (3, keras.Model(), keras_attention.RecurrentAttention(10)):
        with pytest.raises(ValueError, match=r"functional or Seq.*Received: "):
            attach(model, se(), "stem")
    with pytest.raises(ValueError, match=r"must be built.*Received: "):
        attach(keras.Sequential([layers.Dense(2)]), se(), "dense")


class Growing(layers.Layer):
    """A layer whose config does not hold its number of weights."""

    def __init__(self, count=1, **kwargs):
        super().__init__(**kwargs)
        for index in range(count):
            self.add_weight((1,), name=f"weight_{index}")

    def call(self, x):
        return x + sum(self.weights)

    def get_config(self):
        return {"name": self.name}


def test_layers_with_other_weights_in_the_copy_raise():
    inputs = keras.Input((4, 4, 2))
    model = keras.Model(inputs, Growing(2, name="growing")(inputs))
    with pytest.raises(
        ValueError, match=r"the same weights.*Received: layer=<G"
    ):
        attach(model, se(), "growing")


def test_inserted_layers_are_registered():
    new = attach(networks.residual(), se(), "stem")
    layer = new.get_layer("stem_squeeze_excite")
    assert isinstance(layer, IdentityStart)
    assert not any(isinstance(x, layers.Lambda) for x in new._flatten_layers())
