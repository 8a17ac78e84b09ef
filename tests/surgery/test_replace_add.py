"""`replace_add`: selected additions, their start and errors."""

import re

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
from keras_attention import AttentionalFeatureFusion
from keras_attention import IterativeAttentionalFeatureFusion
from keras_attention import SqueezeExcite
from keras_attention import replace_add

FUSIONS = [
    (AttentionalFeatureFusion, {}),
    (IterativeAttentionalFeatureFusion, {}),
    (IterativeAttentionalFeatureFusion, {"share_global": True}),
]


def fusions_in(model):
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(
            layer, AttentionalFeatureFusion | IterativeAttentionalFeatureFusion
        )
    ]


@pytest.mark.parametrize(("fusion", "kwargs"), FUSIONS)
def test_starts_from_the_sum(fusion, kwargs, data_format):
    model = networks.residual(data_format)
    new = replace_add(model, fusion(2, data_format=data_format, **kwargs))
    assert len(fusions_in(new)) == 2
    assert not any(isinstance(layer, layers.Add) for layer in new.layers)
    x = networks.images(model)
    for training in (False, True):
        assert_close(
            new(x, training=training), model(x, training=training), 2e-6
        )
    copies = networks.leaves(new)
    for path, layer in networks.leaves(model).items():
        if not isinstance(layer, layers.Add):
            assert len(layer.get_weights()) == len(copies[path].get_weights())


@pytest.mark.parametrize(("fusion", "kwargs"), subset(FUSIONS, 3))
def test_new_weights_learn_within_two_steps(fusion, kwargs):
    model = networks.residual(activation="tanh")
    new = replace_add(model, fusion(1, **kwargs), "first_add")
    (layer,) = fusions_in(new)
    first, second = networks.changed_by_two_steps(new, [layer])
    assert first
    # A batch normalization after these biases subtracts them.
    idle = ("reduce/bias", "expand/bias")
    assert {w.path for w in layer.trainable_weights} - second <= {
        w.path for w in layer.trainable_weights if w.path.endswith(idle)
    }


def test_fusion_is_called_with_branch_and_shortcut():
    model = networks.residual()
    new = replace_add(model, AttentionalFeatureFusion(2))
    # The model adds [shortcut, branch]; the layer takes (branch, shortcut).
    for name, branch, shortcut in (
        ("first", "first_norm", "stem_relu"),
        ("second", "second_2_norm", "projection_norm"),
    ):
        layer = new.get_layer(f"{name}_add_attentional_feature_fusion")
        assert layer.input[0] is new.get_layer(branch).output
        assert layer.input[1] is new.get_layer(shortcut).output


@pytest.mark.parametrize(
    ("where", "count"),
    [
        (None, 2),
        ("first_add", 1),
        (["residual/second_add"], 1),
        (".*", 2),
        (lambda layer: layer.name == "first_add", 1),
    ],
)
def test_where_selects_layers(where, count):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, networks.residual()(inputs))
    new = replace_add(model, AttentionalFeatureFusion(2), where)
    assert len(fusions_in(new)) == count


def test_operations_that_add_are_replaced():
    inputs = keras.Input((6, 6, 4))
    x = layers.Conv2D(4, 3, padding="same")(inputs)
    model = keras.Model(inputs, (inputs + x) + 1)
    new = replace_add(model, AttentionalFeatureFusion(2))
    x = networks.images(model)
    assert_close(new(x), model(x), 2e-6)
    assert len(fusions_in(new)) == 1


def test_shared_additions_share_their_fusion():
    inputs = keras.Input((6, 6, 4))
    add, x = layers.Add(name="add"), inputs
    for _ in range(2):
        x = add([x, layers.Conv2D(4, 3, padding="same")(x)])
    model = keras.Model(inputs, x)
    new = replace_add(model, AttentionalFeatureFusion(2))
    assert len(fusions_in(new)) == 1
    x = networks.images(model)
    assert_close(new(x), model(x), 2e-6)


def test_mixed_precision_and_saving(tmp_path):
    model = networks.residual(dtype="mixed_float16")
    new = replace_add(model, IterativeAttentionalFeatureFusion(2))
    x = networks.images(model)
    assert new(x).dtype == model(x).dtype
    assert_close(
        to_numpy(new(x)).astype("float32"),
        to_numpy(model(x)).astype("float32"),
        2e-3,
    )
    new.save(tmp_path / "new.keras")
    loaded = keras.saving.load_model(tmp_path / "new.keras")
    assert_same(loaded(x), new(x))


def test_identity_false_and_a_function():
    model = networks.residual()
    called_with = []

    def fusion(addition):
        called_with.append(addition.name)
        return IterativeAttentionalFeatureFusion(2, name="fuse")

    new = replace_add(model, fusion, identity=False)
    assert called_with == ["first_add", "second_add"]
    assert networks.inserted(new, model) == [
        "first_add_fuse",
        "second_add_fuse",
    ]
    x = networks.images(model)
    assert np.abs(to_numpy(new(x)) - to_numpy(model(x))).max() > 1e-3


def test_verbose_prints_the_difference(capsys):
    model = networks.residual()
    fusions = [
        AttentionalFeatureFusion(2),
        IterativeAttentionalFeatureFusion(2),
    ]
    replace_add(model, lambda _: fusions.pop(), verbose=1)
    header, _, first, second, last = capsys.readouterr().out.splitlines()
    assert header.split("  ")[0] == "replaced"
    assert last.startswith("2 insertion points, ")
    for line in (first, second):
        assert 0 < float(line.split()[-2]) < 3e-7


@keras.saving.register_keras_serializable(package="tests")
class Mean(layers.Layer):
    """A custom fusion."""

    def call(self, x, residual):
        return (x + residual) / 2


def test_other_fusions_are_inserted_unchanged(capsys):
    model = networks.residual()
    new = replace_add(model, Mean(), verbose=1)
    assert sum(isinstance(layer, Mean) for layer in new.layers) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-2] for line in lines[2:4]] == ["5e-01"] * 2


class Widening(layers.Layer):
    def call(self, x, residual):
        return keras.ops.concatenate([x, residual], axis=-1)


@pytest.mark.parametrize(
    ("fusion", "where", "message"),
    [
        (AttentionalFeatureFusion(), "stem", "`where` must select a residual"),
        (
            AttentionalFeatureFusion(),
            "add",
            "select at least one layer .did you",
        ),
        (3, None, "`fusion` must be a layer, the name of one, or a function"),
        (Widening(), None, "`fusion` must keep the shape of its inputs"),
        (
            AttentionalFeatureFusion(data_format="channels_first"),
            None,
            "`fusion` must have the data format of the model",
        ),
        *(
            (
                wrong,
                None,
                "`fusion` must accept two tensors.* it raised TypeError: ",
            )
            for wrong in (
                SqueezeExcite(2),
                lambda _: SqueezeExcite(2),
                layers.Dense(4),
                layers.Dropout(0.5),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.Concatenate(),
                layers.Add(),
            )
        ),
        *(
            (wrong, None, "`fusion` must .* with 'first_add' it raised")
            for wrong in (keras.ops.relu, keras.ops.add)
        ),
        (AttentionalFeatureFusion(), re.compile(b"add"), "not bytes"),
    ],
)
def test_invalid_arguments_raise(fusion, where, message):
    with pytest.raises(ValueError, match=rf"{message}.*Received: "):
        replace_add(networks.residual(), fusion, where)


def test_models_without_additions_raise():
    for where in (None, "one"):
        with pytest.raises(ValueError, match="select a residual addition"):
            replace_add(networks.chain(), AttentionalFeatureFusion(), where)
    with pytest.raises(ValueError, match="functional or Sequential"):
        replace_add(3, AttentionalFeatureFusion())
    assert keras_attention.branch_ends(networks.chain()) == []
