"""Copies of models that keep the class, and the methods that it overrides."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras

from keras_attention._utils import validation
from keras_attention.surgery._state import CloneError
from keras_attention.surgery._state import is_of_keras

# Methods and attributes that a class may override without changing the outputs
# of its models: they make, save and describe models.
HARMLESS = {
    "add_weight",
    "build",
    "build_from_config",
    "compile_from_config",
    "compute_dtype",
    "compute_output_shape",
    "compute_output_spec",
    "count_params",
    "dtype",
    "dtype_policy",
    "export",
    "from_config",
    "get_build_config",
    "get_compile_config",
    "get_config",
    "get_layer",
    "get_weights",
    "input",
    "input_dtype",
    "input_shape",
    "input_spec",
    "inputs",
    "layers",
    "load_assets",
    "load_own_variables",
    "load_weights",
    "name",
    "output",
    "output_shape",
    "outputs",
    "path",
    "quantization_mode",
    "quantize",
    "quantized_build",
    "save",
    "save_assets",
    "save_own_variables",
    "save_weights",
    "set_weights",
    "summary",
    "supports_masking",
    "to_json",
    "variable_dtype",
    "variables",
    "weights",
}
# Private methods that compute the outputs from the inputs.
PRIVATE = {"__call__", "_run_through_graph", "_standardize_inputs"}
# Methods and attributes that are used when a model is called as a layer of
# another model.
USED_AS_LAYER = PRIVATE | {
    "add_loss",
    "call",
    "compute_mask",
    "forward",
    "losses",
    "stateless_call",
    "symbolic_call",
}
GRAPH_ARGUMENTS = {
    "inputs",
    "outputs",
    "layers",
    "name",
    "dtype",
    "trainable",
}


def overridden(model: keras.Model) -> list[str]:
    """Return the methods that a model overrides and that a graph would lose."""
    bases = type(model).__mro__
    first = next(i for i, base in enumerate(bases) if is_of_keras(base))
    known = {
        name
        for base in bases[first:]
        if is_of_keras(base)
        for name, value in vars(base).items()
        if callable(value)
        or isinstance(value, property | classmethod | staticmethod)
    } - HARMLESS
    known = {name for name in known if name[0] != "_" or name in PRIVATE}
    own = {name for base in bases[:first] for name in vars(base)}
    return sorted(known & (own | instance_functions(model)))


def instance_functions(layer: Any) -> set[str]:
    """Return the names of functions set on a layer object, not its class."""
    # While hooks are installed on a layer, `replaced` is the function that was
    # set on the object before, or `None`.
    return {
        name
        for name, value in vars(layer).items()
        if callable(value) and getattr(value, "replaced", value) is not None
    }


def takes_graph(model: keras.Model) -> bool:
    """Return whether a model's class takes inputs and outputs, or layers."""
    parameters = inspect.signature(type(model).__init__).parameters
    if any(p.kind == p.VAR_POSITIONAL for p in parameters.values()):
        return True
    if isinstance(model, keras.Sequential):
        return "layers" in parameters
    return {"inputs", "outputs"} <= set(parameters)


def with_graph(
    model: keras.Model,
    arguments: tuple,
    copy_value: Callable[[str, Any, Any], Any],
) -> keras.Model:
    """Return a model of the same class with a new graph.

    Args:
        model: Model whose class is kept.
        arguments: Inputs and outputs, or layers.
        copy_value: Function `(name, value, None)` that returns the copy of an
            attribute of `model` for the new model.

    Raises:
        CloneError: If the class cannot be constructed with these arguments.
    """
    if own := sorted({*overridden(model)} & instance_functions(model)):
        raise CloneError(f"`{own[0]}` is set on the model, not on its class")
    kwargs = {}
    parameters = inspect.signature(type(model).__init__).parameters
    for name, parameter in list(parameters.items())[1:]:
        if name in GRAPH_ARGUMENTS or parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            continue
        if not hasattr(model, name):
            raise CloneError(
                f"its argument `{name}` is not among its attributes"
            )
        kwargs[name] = copy_value(name, getattr(model, name), None)
    try:
        new = type(model)(*arguments, name=model.name, **kwargs)
    except Exception as error:  # The class is the user's.
        raise CloneError(validation.reason(error)) from error
    if len(arguments) == 2 and [
        id(x) for x in keras.tree.flatten(new.outputs)
    ] != [id(x) for x in keras.tree.flatten(arguments[1])]:
        raise CloneError("its constructor makes another graph than it is given")
    return new


def from_config(
    model: keras.Model, replacements: dict[int, keras.Model]
) -> keras.Model:
    """Return a model of the same class, made from its config.

    Args:
        model: Model whose class is kept.
        replacements: For the `id` of a model inside it, the new model. The
            inner models must be attributes with the names of config entries.

    Raises:
        CloneError: If the config does not make such a model.
    """
    missing = dict(replacements)

    def config():
        entries = dict(model.get_config())
        for key in entries:
            held = id(getattr(model, key, None))
            if held in replacements:
                entries[key] = replacements[held]
                missing.pop(held, None)
        return entries

    try:
        new = build_from_config(type(model), config, model.name)
    except Exception as error:  # The class is the user's.
        raise CloneError(validation.reason(error)) from error
    if missing:
        raise CloneError("its config does not name the model that is changed")
    return new


def build_from_config(cls: Any, config: Callable[[], dict], name: str) -> Any:
    """Return an object made from a config, with a name if the class takes one.

    The config that Keras derives from constructor arguments has no name.
    """
    entries = config()
    if "name" not in entries:
        try:
            return cls.from_config({**entries, "name": name})
        except Exception:  # The class takes no name.
            entries = config()
    return cls.from_config(entries)


def package(layer: Any) -> str:
    """Return the package that defines the class of a layer."""
    return type(layer).__module__.partition(".")[0]
