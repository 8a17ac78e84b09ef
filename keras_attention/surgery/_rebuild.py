"""A model built again, with something else in some of its places."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_attention.surgery._graph import Call
from keras_attention.surgery._graph import Graph
from keras_attention.surgery._graph import is_network


class Rebuild:
    """Copies models by config, call by call, and keeps their weights.

    Args:
        follow: Says which new layers follow an operation, given it and what it
            returned; they may follow one tensor.
        replace: Says which new layer is called in the place of an operation,
            and on which of its inputs in what order; `None` for none. It is
            given the call.
    """

    def __init__(
        self,
        follow: Callable[[Any, Any], list] = lambda operation, outputs: [],
        replace: Callable[[Call], tuple | None] = lambda call: None,
    ) -> None:
        self._follow = follow
        self._replace = replace
        self._copies: dict[int, Any] = {}
        self._leaves: list[tuple[Any, Any, bool]] = []

    def model(self, model: keras.Model) -> keras.Model:
        """Return a functional copy, with the same values."""
        copy = self._functional(model, not model.trainable)
        for layer, twin, frozen in self._leaves:
            _copy_values(layer, twin)
            if frozen:
                twin.trainable = False
        return copy

    def _functional(self, model, frozen):
        found: dict[int, Any] = {}
        entries: dict[int, Any] = {}
        for call in Graph(model).calls:
            self._call(call, found, frozen)
            if not call.inputs:
                copy = self._copy(call.operation, frozen)
                entries[id(call.outputs[0])] = copy.output
        inputs, outputs = _ends(model)
        return _class_of(model)(
            keras.tree.map_structure(lambda x: entries[id(x)], inputs),
            keras.tree.map_structure(lambda x: found[id(x)], outputs),
            name=model.name,
        )

    def _call(self, call, found, frozen):
        """Repeat a call on the new tensors, with what belongs there."""

        def made(value):
            return found.get(id(value), value)

        args, kwargs = keras.tree.map_structure(
            made, (list(call.args), call.kwargs)
        )
        if other := self._replace(call):
            layers, tensors = other
            x = layers[0](*map(made, tensors))
            for layer in layers[1:]:
                x = layer(x)
            if tuple(x.shape) != tuple(call.outputs[0].shape):
                raise ValueError(
                    "`fusion` must keep the shape of its inputs. Received: "
                    f"fusion={layers[0]}, output_shape={tuple(x.shape)}"
                )
            found[id(call.outputs[0])] = x
            return
        copy = self._copy(call.operation, frozen)
        outputs = copy(*args, **kwargs) if call.inputs else copy.output
        outputs = keras.tree.flatten(outputs)
        for layer in self._follow(call.operation, call.outputs):
            outputs = [layer(*outputs)]
        for old, new in zip(call.outputs, outputs, strict=True):
            found[id(old)] = new

    def _copy(self, operation, frozen):
        if id(operation) not in self._copies:
            if is_network(operation):
                frozen = frozen or not operation.trainable
                copy = (
                    self._sequential(operation, frozen)
                    if isinstance(operation, keras.Sequential)
                    else self._functional(operation, frozen)
                )
            else:
                copy = type(operation).from_config(operation.get_config())
                if isinstance(operation, keras.layers.Layer):
                    self._leaves.append((operation, copy, frozen))
            self._copies[id(operation)] = copy
        return self._copies[id(operation)]

    def _sequential(self, model, frozen):
        layers = []
        for call in Graph(model).calls:
            layers.append(self._copy(call.operation, frozen))
            layers.extend(self._follow(call.operation, call.outputs))
        return keras.Sequential(layers, name=model.name)


def copied(layer: keras.layers.Layer, name: str | None = None) -> Any:
    """Return a new layer of the same config, under another name if given."""
    config = layer.get_config()
    return type(layer).from_config({**config, "name": name or layer.name})


def _ends(model):
    """Return inputs and outputs in the structure that they are called in."""
    if isinstance(model, keras.Sequential):
        return model.inputs[0], model.outputs[0]
    return model.input, model.output


def _class_of(model):
    """Return a class that is made of inputs, outputs and a name."""
    parameters = list(inspect.signature(type(model).__init__).parameters)
    if parameters[1:4] == ["inputs", "outputs", "name"]:
        return type(model)
    return keras.Model


def _copy_values(layer, twin):
    """Give a layer the values of another of the same config."""
    pairs = list(zip(layer.variables, twin.variables, strict=False))
    if len(layer.variables) != len(twin.variables) or any(
        old.shape != new.shape for old, new in pairs
    ):
        raise ValueError(
            "A layer must have the same weights when it is made again from its "
            f"config. Received: layer={layer!r}"
        )
    for old, new in pairs:
        # JAX deletes what a model that is trained has replaced.
        new.assign(ops.copy(old.value))
    for part in twin._flatten_layers():
        # What some preprocessing layers derive from their weights.
        if hasattr(part, "finalize_state"):
            part.finalize_state()
