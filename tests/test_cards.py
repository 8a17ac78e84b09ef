"""Each layer has a complete card, and is registered everywhere.

A layer that a registration lacks fails the test of that registration, whose
name says what to add, and where.
"""

import collections
import inspect
import math
import re
from pathlib import Path

import keras
import pytest

import keras_attention
import references
from cases import EVERYTHING
from keras_attention import _cards
from keras_attention._base.layer import MapLayer
from keras_attention.checkpoints._registry import KEY_MAPS
from keras_attention.checkpoints._registry import key_maps_of
from pages import ROOT
from stress.strategies import STRATEGIES

LAYERS = _cards.layers()
CASES = collections.defaultdict(list)
for _case in EVERYTHING:
    CASES[_case.layer_cls.__name__].append(_case)
# Models are no part of a network, and a wrapper costs what its layer does.
PARTS = {
    name: cls
    for name, cls in LAYERS.items()
    # A layer may have no card: a test below says so.
    if "card" in vars(cls)
    and not issubclass(cls, keras.Model)
    and cls.card.papers
}


def snake(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def module(name):
    """Return the name of the file of a layer."""
    return LAYERS[name].__module__.rpartition(".")[2]


def family(name):
    return LAYERS[name].__module__.split(".")[1]


def text(*parts):
    return ROOT.joinpath(*parts).read_text("utf-8")


every_layer = pytest.mark.parametrize("name", LAYERS)
every_part = pytest.mark.parametrize("name", PARTS)


def test_every_public_layer_has_a_card():
    public = {
        name
        for name in keras_attention.__all__
        if issubclass(
            type(getattr(keras_attention, name)), type(keras.layers.Layer)
        )
        and issubclass(getattr(keras_attention, name), keras.layers.Layer)
    }
    assert public == LAYERS.keys()
    without = [name for name, cls in LAYERS.items() if "card" not in vars(cls)]
    assert not without, "write the class attribute `card`"


@pytest.mark.parametrize("name", _cards.FAMILIES)
def test_every_file_of_a_family_has_a_public_layer(name):
    folder = Path(keras_attention.__file__).parent / name
    files = {p.stem for p in folder.glob("*.py") if p.stem[0] != "_"}
    public = {module(layer) for layer in LAYERS if family(layer) == name}
    assert files == public, f"import the class in {name}/__init__.py"


@every_layer
def test_card_says_what_the_layer_does(name):
    card = LAYERS[name].card
    assert "card" in vars(LAYERS[name])
    assert card.operation[0].islower()
    assert not card.operation.endswith(".")
    assert card.insertion[0].islower()
    assert card.limits.endswith(".")
    assert card.call.partition("(")[0] == name
    assert card.papers or name == "IdentityStart"
    text = re.sub(r"\s", "", LAYERS[name].__doc__)
    assert all(paper in text for paper in card.papers)


def test_short_names_are_of_one_layer():
    names = [
        name
        for cls in LAYERS.values()
        for name in (*cls.card.short_names, *cls.card.short_forms)
    ]
    assert len(names) == len(set(names))
    assert not {snake(name) for name in LAYERS} & set(names)


def test_short_forms_have_other_arguments_than_the_defaults():
    for cls in LAYERS.values():
        for arguments in cls.card.short_forms.values():
            config, default = cls(**arguments).get_config(), cls().get_config()
            for name, value in arguments.items():
                assert config[name] == value != default[name]


def is_of_kind(kind, shape, inputs, layer):
    """Return whether a shape is that of a kind, channels last."""
    batch, *space, channels = inputs
    if isinstance(layer, keras_attention.ShuffleAttention):
        channels //= 2  # a gate of each half
        inputs = (batch, *space, channels)
    return {
        "channel": shape == (batch, *[1] * len(space), channels),
        "spatial": shape == (batch, *space, 1),
        "mixed": shape == inputs,
        "grouped": shape == (batch, *space, getattr(layer, "groups", None)),
        "rows": shape == (batch, *space[:1], 1, channels),
        "columns": shape == (batch, 1, *space[1:], channels),
        "branches": len(shape) == 3,
        "position pairs": (
            shape[:2] == (batch, math.prod(space))
            and len(shape) == 3
            and 1 <= shape[2] <= math.prod(space)
        ),
        "column pairs": shape == (batch, *space, space[0]),
        "row pairs": shape == (batch, *space, space[-1]),
        "channel pairs": shape == (batch, channels, channels),
        "units": shape[:2] == (batch, math.prod(space)) and len(shape) == 3,
        "fusion": shape == inputs,
        "grid": len(shape) == 4 and shape[-1] == 2,
        "pixel offsets": shape == (*inputs, 2),
        "kernel offsets": len(shape) == 4 and shape[-1] % 2 == 0,
        "kernel weights": len(shape) == 4,
        "group offsets": len(shape) == 4 and shape[-1] % 2 == 0,
        "group weights": len(shape) == 4,
        "locations": shape[:2] == inputs[:2] and len(shape) == 6,
        "location weights": shape[:2] == inputs[:2] and len(shape) == 5,
    }[kind]


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, cls in PARTS.items()
        if hasattr(cls, "compute_attention_shape")
    ],
)
def test_kinds_are_those_of_the_attention(name):
    for case in CASES[name]:
        layer = case.layer(data_format="channels_last")
        # It may depend on the arguments.
        kinds = layer.card.attention
        layer.build(*case.shapes)
        shapes = layer.compute_attention_shape(*case.shapes)
        if not isinstance(shapes, dict):
            shapes = {None: shapes}
        for key, shape in shapes.items():
            kind = kinds if key is None else kinds[key]
            assert is_of_kind(kind, shape, case.shapes[0], layer), kind


@every_part
def test_card_has_formulas_of_its_cost(name):
    card = LAYERS[name].card
    assert card.parameters, "tests/test_pages.py compares it with the layer"
    assert card.multiply_adds, "tests/test_pages.py compares it with the layer"


@every_layer
def test_layer_has_a_case(name):
    assert CASES[name], "add cases of the layer to tests/cases.py"


@every_layer
def test_layer_has_a_reference(name):
    assert name in references.REFERENCES, (
        f"add a reference of the layer to tests/references/{family(name)}.py"
    )


@every_part
def test_layer_has_a_strategy(name):
    assert name in STRATEGIES, "add a strategy to tests/stress/strategies.py"


@every_part
def test_layer_has_a_benchmark_and_baselines(name):
    assert LAYERS[name].card.is_gate or f'"{name}"' in text(
        "benchmarks", "cases.py"
    ), "add a case to benchmarks/cases.py"
    path = ROOT / "benchmarks" / "baselines" / f"{snake(name)}.py"
    assert path.exists(), f"add benchmarks/baselines/{path.name}"
    for backend in ("jax", "tensorflow", "torch"):
        assert f"\ndef {backend}(" in path.read_text("utf-8")


@every_layer
def test_layer_has_a_section_on_the_page_of_its_family(name):
    assert f".. head:: {name}\n" in text(
        "docs", "layers", f"{family(name)}.md"
    ), f"add a section to docs/layers/{family(name)}.md"


@every_layer
def test_layer_has_tests_of_its_own(name):
    path = ROOT / "tests" / family(name) / f"test_{module(name)}.py"
    assert path.exists(), f"add the tests {path.name}"


@every_layer
def test_layer_is_in_the_changelog(name):
    assert f"`{name}`" in text("CHANGELOG.md"), "add it to CHANGELOG.md"


@every_layer
def test_layer_is_in_the_table_of_the_readme(name):
    assert f"| `{name}(" in text("README.md"), "run python tools/readme.py"


@every_layer
def test_layouts_on_the_card_are_those_of_the_key_maps(name):
    found = {}
    if LAYERS[name] in KEY_MAPS:
        for case in CASES[name]:
            found |= dict.fromkeys(key_maps_of(case.generic()))
    assert set(found) == set(LAYERS[name].card.layouts), (
        "add the key maps to keras_attention/checkpoints/_registry.py, and "
        "their layouts to the card"
    )


@every_layer
def test_config_has_every_argument(name):
    cls = LAYERS[name]
    config = CASES[name][0].layer().get_config()
    arguments = inspect.signature(cls.__init__).parameters
    assert set(arguments) - {"self", "kwargs"} <= config.keys()


@every_layer
def test_at_most_three_own_classes_above_a_layer(name):
    own = [
        cls.__name__
        for cls in LAYERS[name].__mro__[1:]
        if cls.__module__.startswith("keras_attention.")
    ]
    assert len(own) <= 3, own


class Own(keras_attention.SqueezeExcite):
    """A subclass of a user, with a card and with arguments of its own."""

    card = keras_attention.Card(operation="scales", insertion="anywhere")

    def __init__(self, *args, twice=1, dtype=None, **kwargs):
        super().__init__(*args, dtype=dtype, **kwargs)


def test_subclass_of_a_user_may_have_a_card():
    config = Own(8, dtype="mixed_float16").get_config()
    assert config["reduction"] == 8
    assert "twice" not in config
    assert Own.from_config(config).dtype_policy.name == "mixed_float16"
    symbolic = Own(8).attention(keras.Input((4, 5, 16)))
    assert symbolic.shape == (None, 1, 1, 16)


def test_part_of_a_layer_has_the_config_of_any_layer():
    layer = keras_attention.SelectiveKernel(16)
    layer.build((None, 8, 8, 16))
    parts = [
        part
        for part in layer._flatten_layers(include_self=False)
        if isinstance(part, MapLayer)
    ]
    assert parts
    for part in parts:
        assert part.get_config()["name"] == part.name


def test_config_keeps_a_function_as_a_regularizer():
    def absolute(w):
        return keras.ops.sum(keras.ops.abs(w))

    layer = keras_attention.SqueezeExcite(kernel_regularizer=absolute)
    found = layer.get_config()["kernel_regularizer"]
    assert found == keras.regularizers.serialize(layer.kernel_regularizer)


def test_initializer_may_be_a_function():
    def sevens(shape, dtype=None):
        return keras.ops.full(shape, 7, dtype=dtype)

    for layer in (
        keras_attention.SqueezeExcite(2, kernel_initializer=sevens),
        keras_attention.EfficientChannelAttention(kernel_initializer=sevens),
    ):
        layer.build((None, 4, 4, 4))
        assert (keras.ops.convert_to_numpy(layer.weights[0]) == 7).all()


def test_contributing_has_a_row_of_each_kind_of_attention():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    _, _, table = text.partition("| kind | attention (channels last) | plot |")
    rows = table.partition("\n\n")[0].splitlines()[2:]
    kinds = re.findall(
        "`([a-z ]+)`", " ".join(row.split("|")[1] for row in rows)
    )
    assert sorted(kinds) == sorted(keras_attention.Card.KINDS)
