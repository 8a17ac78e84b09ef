"""Classes of models: what they override, and how they are made again."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras

from keras_attention._utils import validation
from keras_attention.surgery._state import Lost
from keras_attention.surgery._state import is_of_keras

# What a class may override without a change of what its models compute: how
# they are made, saved and described.
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
# Private methods that are on the way from the inputs to the outputs.
INNER = {"__call__", "_run_through_graph", "_standardize_inputs"}
# What is used where a model is called as a layer of another.
IN_CALLS = INNER | {
    "add_loss",
    "call",
    "compute_mask",
    "forward",
    "losses",
    "stateless_call",
    "symbolic_call",
}
KNOWN = {"inputs", "outputs", "layers", "name", "dtype", "trainable"}


@keras.saving.register_keras_serializable(package="keras_attention")
class NamedOutputs(keras.Model):
    """Functional model whose outputs are known by names that it is given.

    `compile(loss={...})` finds the outputs by them.
    """

    # With named arguments Keras 3.11 does not save the graph.
    def __init__(self, *args, output_names=(), **kwargs):
        super().__init__(*args, **kwargs)
        if output_names:
            self.output_names = list(output_names)

    def get_config(self):
        return {**super().get_config(), "output_names": [*self.output_names]}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        names = config.pop("output_names")
        model = super().from_config(config, custom_objects)
        model.output_names = list(names)
        return model


def overridden(model: keras.Model) -> list[str]:
    """Return the names of the methods with which a model is no bare graph."""
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
    known = {name for name in known if name[0] != "_" or name in INNER}
    own = {name for base in bases[:first] for name in vars(base)}
    return sorted(known & (own | set_on(model)))


def set_on(layer: Any) -> set[str]:
    """Return the names of the functions set on a layer, not on its class."""
    # What watches a layer stands in for its own method, if it has one.
    return {
        name
        for name, value in vars(layer).items()
        if callable(value) and getattr(value, "instead_of", value) is not None
    }


def is_made_of_graph(model: keras.Model) -> bool:
    """Return whether the class takes inputs and outputs, or layers."""
    parameters = inspect.signature(type(model).__init__).parameters
    if any(p.kind == p.VAR_POSITIONAL for p in parameters.values()):
        return True
    is_chain = isinstance(model, keras.Sequential)
    made_of = {"layers"} if is_chain else {"inputs", "outputs"}
    return made_of <= set(parameters)


def with_graph(
    model: keras.Model,
    arguments: tuple,
    carry: Callable[[str, Any, Any], Any],
) -> keras.Model:
    """Return a model of the class of `model`, made of a new graph.

    Args:
        model: Model whose class is kept.
        arguments: Inputs and outputs, or layers.
        carry: Function of the name of an attribute, of what `model` has there,
            and of `None`, that returns what the new model shall have there.

    Raises:
        Lost: If the class cannot be made of that.
    """
    if own := [name for name in overridden(model) if name in set_on(model)]:
        raise Lost(f"`{own[0]}` is set on the model, not on its class")
    kwargs = {}
    parameters = inspect.signature(type(model).__init__).parameters
    for name, parameter in list(parameters.items())[1:]:
        if name in KNOWN or parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            continue
        if not hasattr(model, name):
            raise Lost(f"its argument `{name}` is not among its attributes")
        kwargs[name] = carry(name, getattr(model, name), None)
    try:
        new = type(model)(*arguments, name=model.name, **kwargs)
    except Exception as error:  # of whoever wrote the class
        raise Lost(validation.reason(error)) from error
    if len(arguments) == 2 and [
        id(x) for x in keras.tree.flatten(new.outputs)
    ] != [id(x) for x in keras.tree.flatten(arguments[1])]:
        raise Lost("its constructor makes another graph than it is given")
    return new


def from_config(
    model: keras.Model, instead: dict[int, keras.Model]
) -> keras.Model:
    """Return a model of the class of `model`, made by its config.

    Args:
        model: Model whose class is kept.
        instead: For the `id` of models in it, the new ones in their places.
            They must be attributes under the names that the config has.

    Raises:
        Lost: If the config does not lead to such a model.
    """
    missing = dict(instead)

    def config():
        entries = dict(model.get_config())
        for key in entries:
            held = id(getattr(model, key, None))
            if held in instead:
                entries[key] = instead[held]
                missing.pop(held, None)
        return entries

    try:
        new = made_by_config(type(model), config, model.name)
    except Exception as error:  # of whoever wrote the class
        raise Lost(validation.reason(error)) from error
    if missing:
        raise Lost("its config does not name the model that is changed")
    return new


def made_by_config(kind: Any, config: Callable[[], dict], name: str) -> Any:
    """Return what a class makes of a config, under a name if it takes one.

    Configs that Keras finds by itself have no name.
    """
    given = config()
    if "name" not in given:
        try:
            return kind.from_config({**given, "name": name})
        except Exception:  # it takes no name
            given = config()
    return kind.from_config(given)


def package(layer: Any) -> str:
    """Return the package that the class of a layer is defined in."""
    return type(layer).__module__.partition(".")[0]
