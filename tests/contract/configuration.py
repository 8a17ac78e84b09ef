"""Arguments: validation, config, and the effect of each."""

import inspect
import json
import re

import keras
import pytest

from autodiff import forward
from contract.case import arguments
from contract.case import flat
from contract.registry import check

VOCABULARY = {
    "activation",
    "after_relu",
    "align_corners",
    "coarse",
    "control_points",
    "data_format",
    "depth",
    "dilation_rate",
    "epsilon",
    "filters",
    "fine",
    "gate_activation",
    "glimpse_size",
    "glimpse_units",
    "groups",
    "hidden_units",
    "hint_weight",
    "interpolation",
    "kernel_initializer",
    "kernel_regularizer",
    "kernel_size",
    "layer",
    "localization",
    "location_stddev",
    "location_units",
    "mask",
    "mask_activation",
    "min_units",
    "mode",
    "modulated",
    "monte_carlo_samples",
    "num_classes",
    "num_glimpses",
    "num_patches",
    "num_scales",
    "offset_groups",
    "offset_layout",
    "output_size",
    "padding",
    "padding_mode",
    "patch_offset",
    "patch_size",
    "patch_stride",
    "paths",
    "preactivation",
    "preprocessing",
    "reduction",
    "reinforce_weight",
    "residual",
    "scale_factor",
    "seed",
    "share_global",
    "spatial_input",
    "spatial_norm",
    "split_input",
    "strides",
    "top",
    "transform",
    "trunk",
    "units",
    "use_bias",
    "use_norm",
}

NOT_POSITIVE_INTEGERS = (0, -1, 1.5, True, "2", float("nan"))
NOT_SIZES = (*NOT_POSITIVE_INTEGERS, None, (3,), (3, 0), (3, 4, 5), (3, 1.5))
INVALID_VALUES = {
    "activation": ("no such activation", 3),
    "after_relu": (1, None, "yes"),
    "align_corners": (1, None, "yes"),
    "coarse": ("dense", None, 3, keras.layers.Flatten),
    "control_points": (*NOT_POSITIVE_INTEGERS, 1, None),
    "data_format": ("NCHW", "", 1),
    "depth": (*NOT_POSITIVE_INTEGERS, None),
    "dilation_rate": NOT_SIZES,
    "epsilon": (0, -1e-5, float("nan"), float("inf"), "small", None, True),
    "filters": (*NOT_POSITIVE_INTEGERS, None),
    "fine": ("dense", None, 3, keras.layers.Flatten),
    "gate_activation": ("no such activation", 3),
    "glimpse_size": (*NOT_POSITIVE_INTEGERS, None),
    "glimpse_units": (*NOT_POSITIVE_INTEGERS, None),
    "groups": (*NOT_POSITIVE_INTEGERS, None),
    "hidden_units": NOT_POSITIVE_INTEGERS,
    "hint_weight": (-0.1, float("nan"), float("inf"), "small", None, True),
    "interpolation": ("linear", None, 2),
    "kernel_initializer": ("no such initializer", 3, None),
    "kernel_regularizer": ("no such regularizer", 3),
    "kernel_size": (*NOT_POSITIVE_INTEGERS, None),
    "layer": ("dense", None, 3, keras.layers.Flatten),
    "localization": ("dense", None, 3, keras.layers.Flatten),
    "location_stddev": (0, -0.1, float("nan"), "small", None, True),
    "location_units": (*NOT_POSITIVE_INTEGERS, None),
    "mask": (*NOT_POSITIVE_INTEGERS, None),
    "mask_activation": ("sigmoid", None, 1),
    "min_units": (*NOT_POSITIVE_INTEGERS, None),
    "mode": ("l3", None, 2),
    "modulated": (1, None, "yes"),
    "monte_carlo_samples": (*NOT_POSITIVE_INTEGERS, None),
    "num_classes": (*NOT_POSITIVE_INTEGERS, None),
    "num_glimpses": (*NOT_POSITIVE_INTEGERS, None),
    "num_patches": (*NOT_POSITIVE_INTEGERS, None),
    "num_scales": (*NOT_POSITIVE_INTEGERS, None),
    "offset_groups": (*NOT_POSITIVE_INTEGERS, None),
    "offset_layout": ("mixed", None, 2),
    "output_size": (*NOT_POSITIVE_INTEGERS, (3,), (3, 0), (3, 4, 5), (3, 1.5)),
    "padding": ("full", None, True, -1, 1.5, (1,), (1, -1), (1, 2, 3)),
    "padding_mode": ("same", None, 2),
    "patch_offset": (1.5, None, True, "2", (1,), (1, 2, 3), (1, True)),
    "patch_size": NOT_SIZES,
    "patch_stride": NOT_SIZES,
    "paths": (*NOT_POSITIVE_INTEGERS, None),
    "preactivation": (1, None, "yes"),
    "preprocessing": (*NOT_POSITIVE_INTEGERS, None),
    "reduction": (*NOT_POSITIVE_INTEGERS, None),
    "reinforce_weight": (-0.1, float("inf"), float("nan"), "small", None, True),
    "residual": (1, None, "yes"),
    "scale_factor": (*NOT_POSITIVE_INTEGERS, None),
    "seed": (1.5, "1", True, -1, 2**32),
    "share_global": (1, None, "yes"),
    "spatial_input": ("raw", None, 2),
    "spatial_norm": (1, None, "yes"),
    "split_input": (1, None, "yes"),
    "strides": NOT_SIZES,
    "top": ("dense", None, 3, keras.layers.Flatten),
    "transform": ("rotation", None, 2),
    "trunk": (*NOT_POSITIVE_INTEGERS, None),
    "units": (*NOT_POSITIVE_INTEGERS, None),
    "use_bias": (1, None, "yes"),
    "use_norm": (1, None, "yes"),
}


@check
def is_registered_for_saving(case):
    name = keras.saving.get_registered_name(case.layer_cls)
    assert name == f"keras_attention>{case.layer_cls.__name__}"


@check
def only_the_first_argument_is_positional(case):
    first, *rest = inspect.signature(case.layer_cls).parameters.values()
    assert first.kind == first.POSITIONAL_OR_KEYWORD
    assert {p.kind for p in rest} == {first.KEYWORD_ONLY, first.VAR_KEYWORD}


@check
def arguments_are_in_the_vocabulary(case):
    assert arguments(case.layer_cls).keys() <= VOCABULARY


@check
def config_holds_every_argument(case):
    layer = case.layer(name="layer", dtype="mixed_bfloat16", trainable=False)
    config = layer.get_config()
    assert arguments(case.layer_cls).keys() <= config.keys()
    assert config["name"] == "layer"
    assert config["trainable"] is False
    assert config["dtype"]["config"]["name"] == "mixed_bfloat16"


@check
def config_round_trips(case):
    config = json.dumps(
        keras.saving.serialize_keras_object(case.layer(name="layer"))
    )
    loaded = keras.saving.deserialize_keras_object(json.loads(config))
    assert type(loaded) is case.layer_cls
    assert json.dumps(keras.saving.serialize_keras_object(loaded)) == config


@check
def every_argument_matters(case):
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


@check
def invalid_arguments_raise(case):
    for name in arguments(case.layer_cls):
        for value in INVALID_VALUES[name]:
            received = re.escape(f"Received: {name}={value!r}")
            message = rf"^`{name}` must be .+\. {received}$"
            with pytest.raises(ValueError, match=message):
                case.layer(**{name: value})


@check
def unknown_arguments_raise(case):
    with pytest.raises((TypeError, ValueError), match="ratio"):
        case.layer(ratio=0.5)


@check
def build_does_not_change_config(case):
    layer = case.layer()
    before = layer.get_config()
    layer.build(*case.shapes)
    assert layer.get_config() == before


@check
def build_makes_every_weight(case):
    layer = case.layer()
    layer.build(*case.shapes)
    paths = [weight.path for weight in layer.weights]
    assert paths
    layer(*case.inputs())
    assert [weight.path for weight in layer.weights] == paths


@check
def unknown_channels_raise(case):
    for shape in case.shapes:
        with pytest.raises(ValueError, match=r"known size .*Received: "):
            case.layer().build(*[(*shape[:-1], None)] * len(case.shapes))


@check
def inputs_of_other_shapes_raise(case):
    layer = case.generic()
    flatter = [x[:, 0] for x in case.inputs()]
    fewer = [x[..., :-1] for x in case.inputs()]
    for inputs, match in ((flatter, "expected "), (fewer, "expected axis")):
        with pytest.raises(ValueError, match=match):
            layer(*inputs)


@check
def inputs_without_spatial_axes_raise(case):
    inputs = [x.reshape(len(x), -1) for x in case.inputs()]
    with pytest.raises(ValueError, match="ndim"):
        case.layer()(*inputs)


def behavior(layer, case):
    """Return the initial weights, losses and outputs of a layer."""
    keras.utils.set_random_seed(0)
    try:
        layer.build(*case.shapes)
    except ValueError as error:
        return str(error)
    start = [weight.tolist() for weight in layer.get_weights()]
    losses = flat(layer.losses)
    outputs = flat(forward(case.randomized(layer), *case.inputs()))
    return start, [a.tolist() for a in (*losses, *outputs)]
