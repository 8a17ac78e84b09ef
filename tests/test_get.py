"""`get` and `list_attentions`: layers by name."""

import keras
import pytest

import keras_attention
import surgery_networks as networks
from contract.case import assert_same
from keras_attention import _cards

LAYERS = _cards.layers()
# The required arguments of layers.
REQUIRED = {
    "DeformableConv2D": {"filters": 4},
    "DynamicCapacityNetwork": {
        name: keras.layers.Identity() for name in ("coarse", "fine", "top")
    }
    | {"patch_size": 4, "patch_stride": 2},
    "IdentityStart": {"layer": keras.layers.Identity()},
    "RecurrentAttention": {"num_classes": 10},
    "SelectiveKernel": {"filters": 4},
    "SplitAttention": {"filters": 4},
    "SpatialTransformer": {"localization": keras.layers.Flatten()},
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_name_of_a_layer_makes_the_layer(name):
    cls = LAYERS[name]
    names = [name, cls.__module__.rpartition(".")[2], *cls.card.short_names]
    arguments = REQUIRED.get(name, {})
    for form in names:
        layer = keras_attention.get(form, **arguments)
        assert type(layer) is cls
        assert type(keras_attention.get(form.upper(), **arguments)) is cls
    again = keras_attention.get(names[0], **arguments)
    assert again is not layer


def test_arguments_are_those_of_the_layer():
    layer = keras_attention.get("se", reduction=8, use_bias=True, name="gate")
    assert (layer.reduction, layer.use_bias, layer.name) == (8, True, "gate")
    with pytest.raises(ValueError, match="`reduction`"):
        keras_attention.get("se", reduction=0)
    with pytest.raises(ValueError, match="ratio"):
        keras_attention.get("se", ratio=2)
    message = r"^`arguments` must have filters, which .* name='sk', arg"
    with pytest.raises(ValueError, match=message):
        keras_attention.get("sk")
    with pytest.raises(ValueError, match="must have filters"):
        keras_attention.attach(networks.residual(), "sk", where="stem")


def test_short_form_stands_for_arguments():
    assert keras_attention.get("ceca").circular
    assert not keras_attention.get("ceca", circular=False).circular
    assert not keras_attention.get("eca").circular


def test_layers_and_none_pass_through():
    layer = keras_attention.CBAM()
    assert keras_attention.get(layer) is layer
    assert keras_attention.get(None) is None
    other = keras.layers.Dense(3)
    assert keras_attention.get(other) is other


def test_serialized_layer_is_deserialized():
    layer = keras_attention.SqueezeExcite(3, name="gate")
    again = keras_attention.get(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("squeeze", "'squeeze_excite'"),
        ("SqueezeExcitation", "'SqueezeExcite'"),
        ("eac", "'eca'"),
        ("cbma", "'cbam'"),
        ("GCTT", "'gct'"),
    ],
)
def test_unknown_name_suggests_similar_names(name, suggestion):
    with pytest.raises(ValueError, match="did you mean") as raised:
        keras_attention.get(name)
    assert suggestion in str(raised.value)
    assert str(raised.value).endswith(f"Received: name={name!r}")


def test_unknown_name_without_similar_names_raises():
    with pytest.raises(ValueError, match=r"list_attentions.*name='\?'$"):
        keras_attention.get("?")


@pytest.mark.parametrize("value", [3, keras_attention.CBAM, len])
def test_invalid_name_raises(value):
    with pytest.raises(ValueError, match=r"`name` must be .*Received: name="):
        keras_attention.get(value)


@pytest.mark.parametrize("value", [None, keras_attention.SimAM()])
def test_arguments_without_a_name_raise(value):
    with pytest.raises(ValueError, match=r"`arguments` must be.*Received: "):
        keras_attention.get(value, reduction=2)


def test_lists_name_each_layer_once():
    everything = keras_attention.list_attentions()
    assert sorted(everything) == sorted(LAYERS)
    by_kind = [
        name
        for kind in _cards.FAMILIES
        for name in keras_attention.list_attentions(kind)
    ]
    assert by_kind == everything
    everything.clear()  # a list of the caller
    assert keras_attention.list_attentions()
    assert "CBAM" in keras_attention.list_attentions("mixed")
    with pytest.raises(ValueError, match=r"`kind`.*'channel'.*kind='all'"):
        keras_attention.list_attentions("all")


def test_attach_takes_a_name(data_format):
    model = networks.residual(data_format=data_format)
    upgraded = keras_attention.attach(model, "se", where="first_norm")
    layer = upgraded.get_layer("first_norm_squeeze_excite").layer
    assert type(layer) is keras_attention.SqueezeExcite
    assert layer.data_format == data_format
    x = networks.images(model)
    assert_same(upgraded(x), model(x))
    with pytest.raises(ValueError, match="did you mean 'se'"):
        keras_attention.attach(model, "see", where="first_norm")


def test_replace_add_takes_a_name():
    model = networks.residual()
    upgraded = keras_attention.replace_add(model, "aff")
    layer = upgraded.get_layer("first_add_attentional_feature_fusion")
    assert type(layer) is keras_attention.AttentionalFeatureFusion


@pytest.mark.parametrize("name", ["se", "simam", "RecurrentAttention"])
def test_unknown_argument_raises(name):
    message = r"`arguments` must be those of .*Received: name='\w+', arg.*'foo'"
    given = REQUIRED.get(name, {})
    with pytest.raises(ValueError, match=message):
        keras_attention.get(name, foo=3, **given)


@pytest.mark.parametrize(
    "config",
    [{"class_name": "SqueezeExcite", "config": {}}, {"class_name": "NoSuch"}],
)
def test_dictionary_of_no_layer_raises(config):
    with pytest.raises(ValueError, match=r"serialize.*Received: name=\{"):
        keras_attention.get(config)
