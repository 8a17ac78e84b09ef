"""Arguments: validation, config, and the effect of each."""

import inspect
import json
import re
from collections.abc import Sequence
from types import NoneType
from typing import get_args
from typing import get_origin

import keras
import pytest

from autodiff import forward
from contract.case import arguments
from contract.case import each
from contract.case import each_shape
from contract.case import flat
from contract.selection import for_cases

# Other names that code of the literature has, by what they are called here.
SYNONYMS = {
    "activation": ("act", "act_layer", "nonlinearity", "non_linearity"),
    "data_format": ("layout", "channels_first", "channels_last"),
    "dilation_rate": ("dilation", "dilations", "rate"),
    "epsilon": ("eps", "e_lambda"),
    "filters": ("channels", "out_channels", "num_filters", "planes", "dim"),
    "gate_activation": ("gate", "gate_act", "gate_layer", "sigmoid"),
    "groups": ("cardinality", "group", "n_groups", "num_groups"),
    "hidden_units": (
        *("bottleneck", "hidden", "hidden_channels", "hidden_dim"),
        *("inter_channels", "mid_channels", "rd_channels"),
    ),
    "kernel_initializer": ("init", "initializer", "init_weights"),
    "kernel_regularizer": ("regularizer", "weight_decay", "l2"),
    "kernel_size": ("k", "k_size", "kernel", "ksize", "window", "window_size"),
    "min_units": ("L", "divisor", "min_channels", "rd_divisor"),
    "mode": ("kind", "type", "version"),
    "num_heads": ("heads", "n_heads"),
    "num_points": ("n_points", "points"),
    "padding": ("pad", "pads"),
    "reduction": ("factor", "r", "ratio", "rd_ratio", "squeeze_factor"),
    "strides": ("stride", "step", "subsampling"),
    "use_bias": ("bias", "no_bias", "qkv_bias"),
    "use_norm": ("batch_norm", "bn", "norm", "norm_layer"),
}

NOT_NUMBERS = (float("nan"), float("inf"), "small", True)
NOT_SIZES = ((3,), (3, 0), (3, 4, 5), (3, 1.5))
NOT_LAYERS = ("dense", 3, keras.layers.Flatten)
INVALID_VALUES = {
    int: (0, -1, 1.5, True, "2", float("nan")),
    float: (-0.1, *NOT_NUMBERS),
    bool: (1, "yes"),
    str: ("no such choice", "", 2),
    keras.layers.Layer: NOT_LAYERS,
    Sequence: NOT_SIZES,
}
# Where the annotation does not say everything.
INVALID_VALUES_OF = {
    "activation": ("no such activation", 3),
    "control_points": (*INVALID_VALUES[int], 1),
    "dropout": (*INVALID_VALUES[float], 1.5),
    "epsilon": (*INVALID_VALUES[float], 0),
    "extent": (1, 3, *(v for v in INVALID_VALUES[int] if v != 0)),
    "gate_activation": ("no such activation", 3),
    "kernel_initializer": ("no such initializer", 3),
    "kernel_regularizer": ("no such regularizer", 3),
    "location_stddev": (*INVALID_VALUES[float], 0),
    "regularization": (*INVALID_VALUES[float], 0),
    "locator_units": (-1, 1.5, True, "2", float("nan")),
    "max_offset": (*INVALID_VALUES[float], 0),
    "padding": ("full", True, -1, 1.5, (1,), (1, -1), (1, 2, 3)),
    "patch_offset": (1.5, True, "2", (1,), (1, 2, 3), (1, True)),
    "seed": (1.5, "1", True, -1, 2**32),
    "width": (*INVALID_VALUES[float], 0),
}


def invalid_values(parameter):
    """Return invalid values of an argument, by its name or annotation.

    `None` is one of them if neither the annotation nor the default allows it.
    """
    kinds = get_args(parameter.annotation) or (parameter.annotation,)
    kinds = {get_origin(kind) or kind for kind in kinds}
    values = INVALID_VALUES_OF.get(parameter.name)
    if values is None:
        values = [
            v for kind in kinds - {NoneType} for v in INVALID_VALUES[kind]
        ]
    if NoneType in kinds or parameter.default is None:
        return values
    return (*values, None)


@for_cases()
def test_is_registered_for_saving(case):
    name = keras.saving.get_registered_name(case.layer_cls)
    assert name == f"keras_attention>{case.layer_cls.__name__}"


@for_cases()
def test_only_the_first_argument_is_positional(case):
    """The networks of a model may be positional, too."""
    first, *rest = inspect.signature(case.layer_cls).parameters.values()
    if first.kind is first.KEYWORD_ONLY:  # no argument but `data_format`
        rest.insert(0, first)
    rest = [p for p in rest if p.annotation is not keras.layers.Layer]
    kinds = {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}
    assert {p.kind for p in rest} <= kinds


@for_cases()
def test_arguments_have_the_names_of_this_package(case):
    for name, others in SYNONYMS.items():
        wrong = arguments(case.layer_cls).keys() & set(others)
        assert not wrong, f"{wrong} is `{name}` in this package"


@for_cases()
def test_config_holds_every_argument(case):
    layer = case.layer(name="layer", dtype="mixed_bfloat16", trainable=False)
    config = layer.get_config()
    assert arguments(case.layer_cls).keys() <= config.keys()
    assert config["name"] == "layer"
    assert config["trainable"] is False
    assert config["dtype"]["config"]["name"] == "mixed_bfloat16"


@for_cases()
def test_config_round_trips(case):
    config = json.dumps(
        keras.saving.serialize_keras_object(case.layer(name="layer"))
    )
    loaded = keras.saving.deserialize_keras_object(json.loads(config))
    assert type(loaded) is case.layer_cls
    assert json.dumps(keras.saving.serialize_keras_object(loaded)) == config


@for_cases(lambda case: not case.is_model)
def test_every_argument_matters(case):
    defaults = arguments(case.layer_cls)
    own = behavior(case.layer(), case)
    for name, value in case.kwargs.items():
        default = defaults[name]
        if default is inspect.Parameter.empty:
            if not isinstance(value, int):
                continue  # the argument is required
            default = 2 * value
        changed = case.layer(**{name: default})
        assert own != behavior(changed, case), name


@for_cases()
def test_invalid_arguments_raise(case):
    for parameter in inspect.signature(case.layer_cls).parameters.values():
        if parameter.kind == parameter.VAR_KEYWORD:
            continue
        name = parameter.name
        for value in invalid_values(parameter):
            received = re.escape(f"Received: {name}={value!r}")
            message = rf"^`{name}` must be .+\. {received}$"
            with pytest.raises(ValueError, match=message):
                case.layer(**{name: value})


@for_cases()
def test_unknown_arguments_raise(case):
    with pytest.raises((TypeError, ValueError), match="ratio"):
        case.layer(ratio=0.5)


@for_cases(lambda case: not case.has_networks)
def test_build_does_not_change_config(case):
    layer = case.layer()
    before = layer.get_config()
    layer.build(*case.shapes)
    assert layer.get_config() == before


@for_cases()
def test_build_makes_every_weight(case):
    layer = case.layer()
    layer.build(*case.shapes)
    paths = [weight.path for weight in layer.weights]
    layer(*case.inputs())
    assert [weight.path for weight in layer.weights] == paths


@for_cases()
def test_unknown_channels_raise(case):
    shapes = each_shape(
        lambda shape: (*shape[:-1], None) if len(shape) > 2 else shape,
        case.shapes,
    )
    with pytest.raises(ValueError, match=r"known size .*Received: "):
        case.layer().build(*shapes)


@for_cases()
def test_inputs_of_other_shapes_raise(case):
    layer = case.generic()
    flatter = each(lambda x: x[:, 0], case.inputs())
    fewer = each(lambda x: x[..., :-1], case.inputs())
    for inputs, match in ((flatter, "expected "), (fewer, "expected axis")):
        with pytest.raises(ValueError, match=match):
            layer(*inputs)


@for_cases()
def test_inputs_without_spatial_axes_raise(case):
    inputs = each(
        lambda x: x.reshape(len(x), -1) if x.ndim > 2 else x, case.inputs()
    )
    with pytest.raises(ValueError, match="ndim"):
        case.layer()(*inputs)


def behavior(layer, case):
    """Return the initial weights, losses and outputs of a layer.

    The outputs are those of inference, unless the layer has dropout.
    """
    keras.utils.set_random_seed(0)
    try:
        layer.build(*case.shapes)
    except ValueError as error:
        return str(error)
    start = [weight.tolist() for weight in layer.get_weights()]
    losses = flat(layer.losses)
    training = {"training": True} if "dropout" in case.kwargs else {}
    outputs = flat(forward(case.randomized(layer), *case.inputs(), **training))
    return start, [a.tolist() for a in (*losses, *outputs)]


@for_cases()
def test_build_of_another_rank_raises(case):
    shapes = each_shape(lambda shape: shape[:1] + shape[-1:], case.shapes)
    with pytest.raises(ValueError, match=r"Received: \w+"):
        case.layer().build(*shapes)
