"""Copies of models with inserted or replaced layers.

`keras.models.clone_model` makes new weights, and inserts no layers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from collections.abc import Collection
from typing import Any

import keras
from keras import ops

from keras_attention._base import named_outputs
from keras_attention.surgery import _classes
from keras_attention.surgery import _layers
from keras_attention.surgery._graph import Call
from keras_attention.surgery._graph import Graph
from keras_attention.surgery._graph import is_network
from keras_attention.surgery._graph import networks
from keras_attention.surgery._state import CloneError
from keras_attention.surgery._state import StateCopier
from keras_attention.surgery._state import attributes


def clone(
    model: keras.Model,
    insert_after: Callable[[Any, Any], list] = lambda operation, outputs: [],
    replace: Callable[[Call], tuple | None] = lambda call: None,
    changed: Collection[int] = (),
) -> keras.Model:
    """Return a copy of a model with the same weights.

    Args:
        model: Functional or Sequential model.
        insert_after: Function `(operation, outputs)` that returns the new
            layers to insert after an operation. The outputs of an operation
            with inserted layers are one tensor.
        replace: Function of a call that returns the new layers that replace it
            and the tensors that the first of them is called on, or `None` to
            keep the call.
        changed: The `id` of each operation that `insert_after` or `replace`
            changes.
    """
    return _Cloner(insert_after, replace, changed).clone(model)


class _Cloner:
    """Copies a model call by call. The arguments are those of `clone`."""

    def __init__(self, insert_after, replace, changed) -> None:
        self._insert_after = insert_after
        self._replace = replace
        self._changed = frozenset(changed)
        # The copies, by the `id` of the operations.
        self._copies: dict[int, Any] = {}
        # Layers whose weights are still to be copied: the layer, its copy, a
        # call of it, and whether a model around it is frozen.
        self._pending: list[tuple[Any, Any, Call | None, bool]] = []
        # Variables whose values are still to be copied, and their copies.
        self._variables: list[tuple[Any, Any]] = []
        # Models whose class is kept, and the methods that it overrides.
        self._with_class: list[tuple[Any, list[str]]] = []

    def clone(self, model: keras.Model) -> keras.Model:
        copy = self._clone_network(model, not model.trainable, outermost=True)
        for layer, layer_copy, call, frozen in self._pending:
            _layers.copy_state(layer, layer_copy)
            if frozen:
                layer_copy.trainable = False
            if call is not None:
                _layers.require_same(layer, layer_copy, call)
        for variable, variable_copy in self._variables:
            # JAX deletes the arrays that training has replaced.
            variable_copy.assign(ops.copy(variable.value))
        if self._with_class and self._changed:
            self._require_same_outputs(model)
        return copy

    def _clone_network(self, model, frozen, *, outermost=False):
        """Return a copy of a model whose graph can be read."""
        names = _classes.overridden(model)
        if names:
            copies, pending = dict(self._copies), list(self._pending)
            try:
                new = self._clone_with_class(model, frozen)
                self._with_class.append((model, names))
                return new
            except CloneError as error:
                if outermost or _classes.USED_AS_LAYER & set(names):
                    raise ValueError(
                        _class_message(model, names, error, outermost)
                    ) from error
            # A model inside another model can be copied without its class.
            # Discard the copies of the failed attempt.
            self._copies, self._pending = copies, pending
        if isinstance(model, keras.Sequential) and not outermost:
            layers = self._clone_layers(model, frozen)
            return keras.Sequential(layers, name=model.name)
        inputs, outputs = self._clone_graph(model, frozen)
        names = list(getattr(model, "output_names", []))
        cls = _graph_class(model)
        if outermost and names and cls is keras.Model:
            default_names = [
                x._keras_history[0].name for x in keras.tree.flatten(outputs)
            ]
            if names != default_names:
                return named_outputs.NamedOutputs(
                    inputs, outputs, name=model.name, output_names=names
                )
        new = cls(inputs, outputs, name=model.name)
        if outermost and names:
            new.output_names = names
        return new

    def _clone_with_class(self, model, frozen):
        """Return a copy of the same class, which overrides methods."""
        if not _classes.takes_graph(model):
            return self._clone_by_config(model, frozen)
        if isinstance(model, keras.Sequential):
            base = keras.Sequential
            arguments = (self._clone_layers(model, frozen),)
        else:
            base, arguments = keras.Model, self._clone_graph(model, frozen)
        state = StateCopier(self._copies)
        new = _classes.with_graph(model, arguments, state.copy_value)
        bare = base(*arguments, name=model.name)
        self._copy_attributes(state, model, new, bare)
        if isinstance(new, keras.Function):
            new.output_names = list(model.output_names)
        return new

    def _clone_by_config(self, model, frozen):
        """Return a copy of the same class, made from its config."""
        graph = Graph(model)
        if any(id(o) in self._changed for o in graph.operations):
            raise CloneError("its constructor does not take a graph")
        replacements = {
            id(o): self._clone_operation(o, frozen)
            for o in graph.operations
            if is_network(o) and self._contains_changes(o)
        }
        new = _classes.from_config(model, replacements)
        self._match_operations(model, new, frozen)
        inputs, outputs = _inputs_and_outputs(model)
        bare = keras.Model(inputs, outputs, name=model.name)
        self._copy_attributes(StateCopier(self._copies), model, new, bare)
        return new

    def _contains_changes(self, model) -> bool:
        return any(
            id(operation) in self._changed
            for _, _, graph in networks(model)
            for operation in graph.operations
        )

    def _match_operations(self, model, new, frozen):
        """Register the operations of a new model as copies of a model's."""
        calls = Graph(model).calls
        new_calls = Graph(new).calls if is_network(new) else []
        if len(calls) != len(new_calls):
            raise CloneError("its config does not make its graph")
        for call, new_call in zip(calls, new_calls, strict=True):
            operation, copy = call.operation, new_call.operation
            known = self._copies.get(id(operation))
            if known is not None and known is not copy:
                raise CloneError("its config does not make its graph")
            if known is None:
                self._copies[id(operation)] = copy
                if type(operation) is not type(copy):
                    raise CloneError("its config does not make its graph")
                if is_network(operation):
                    self._match_operations(
                        operation, copy, frozen or not operation.trainable
                    )
                elif isinstance(operation, keras.layers.Layer):
                    self._pending.append((operation, copy, call, frozen))

    def _copy_attributes(self, state, model, new, bare):
        """Copy the attributes of a model to its copy of the same class."""
        state.copy_attributes(model, new, bare)
        self._pending += [(*pair, None, False) for pair in state.layers]
        self._variables += state.variables

    def _require_same_outputs(self, model):
        """Raise an error if unchanged copies of the classes differ."""
        copy = clone(model)
        inputs, _ = _inputs_and_outputs(model)
        if not _layers.is_same(model, copy, (inputs,), {"training": False}):
            classes = {
                f"{type(kept).__name__} ({', '.join(names)})"
                for kept, names in self._with_class
            }
            raise ValueError(
                "`model` must compute the same when the classes in it that "
                "override methods of Keras are made again, and one of these "
                f"does not: {', '.join(sorted(classes))}. {_cure(model)} "
                f"Received: model={model!r}"
            )

    def _clone_graph(self, model, frozen):
        """Return the inputs and outputs of a new graph."""
        new_tensors: dict[int, Any] = {}
        entries: dict[int, Any] = {}
        for call in Graph(model).calls:
            self._clone_call(call, new_tensors, frozen)
            if not call.inputs:
                copy = self._clone_operation(call.operation, frozen)
                entries[id(call.outputs[0])] = copy.output
        inputs, outputs = _inputs_and_outputs(model)
        return (
            keras.tree.map_structure(lambda x: entries[id(x)], inputs),
            keras.tree.map_structure(lambda x: new_tensors[id(x)], outputs),
        )

    def _clone_call(self, call, new_tensors, frozen):
        """Repeat a call on the new tensors, with its insertions."""

        def renew(value):
            return new_tensors.get(id(value), value)

        args, kwargs = keras.tree.map_structure(
            renew, (list(call.args), call.kwargs)
        )
        if replacement := self._replace(call):
            layers, tensors = replacement
            x = layers[0](*map(renew, tensors))
            for layer in layers[1:]:
                x = layer(x)
            if tuple(x.shape) != tuple(call.outputs[0].shape):
                raise ValueError(
                    "`fusion` must keep the shape of its inputs. Received: "
                    f"fusion={layers[0]}, output_shape={tuple(x.shape)}"
                )
            new_tensors[id(call.outputs[0])] = x
            return
        copy = self._clone_operation(call.operation, frozen, call)
        outputs = copy(*args, **kwargs) if call.inputs else copy.output
        outputs = keras.tree.flatten(outputs)
        for layer in self._insert_after(call.operation, call.outputs):
            outputs = [layer(*outputs)]
        for old, new in zip(call.outputs, outputs, strict=True):
            new_tensors[id(old)] = new

    def _clone_operation(self, operation, frozen, call=None):
        """Return the copy of an operation, which is made once."""
        if id(operation) not in self._copies:
            if is_network(operation):
                frozen = frozen or not operation.trainable
                copy = self._clone_network(operation, frozen)
            else:
                copy = _layers.clone_operation(operation)
                if isinstance(operation, keras.layers.Layer):
                    self._pending.append((operation, copy, call, frozen))
            self._copies[id(operation)] = copy
        return self._copies[id(operation)]

    def _clone_layers(self, model, frozen):
        """Return the layers of a new Sequential model."""
        layers = []
        for call in Graph(model).calls:
            layers.append(self._clone_operation(call.operation, frozen, call))
            layers.extend(self._insert_after(call.operation, call.outputs))
        return layers


def _inputs_and_outputs(model):
    """Return inputs and outputs in the structure that a call uses."""
    if isinstance(model, keras.Sequential):
        return model.inputs[0], model.outputs[0]
    return model.input, model.output


def _graph_class(model):
    """Return the model's class if it takes inputs, outputs and a name.

    Otherwise return `keras.Model`.
    """
    parameters = list(inspect.signature(type(model).__init__).parameters)
    is_custom = _classes.package(model) not in _layers.TRUSTED
    takes_graph = parameters[1:4] == ["inputs", "outputs", "name"]
    return type(model) if is_custom and takes_graph else keras.Model


def _class_message(model, names, reason, outermost):
    subject = "`model`" if outermost else f"The model {model.name!r} in `model`"
    return (
        f"{subject} must be a bare graph, or of a class that can be made again "
        f"around the new one. {type(model).__name__} overrides "
        f"{', '.join(names)}, which would be lost: {reason}. {_cure(model)} "
        f"Received: model={model!r}"
    )


def _cure(model):
    """Return what users can do about a class that cannot be kept."""
    inner = [
        name
        for name in ("backbone", *sorted(attributes(model)))
        if name[0] != "_" and is_network(getattr(model, name, None))
    ]
    bare = "pass `keras.Model(model.input, model.output)`"
    if not inner:
        return f"If you want the bare graph, {bare}."
    return (
        f"If the class takes any network as its {inner[0]!r}, pass "
        f"`model.{inner[0]}` and make the class again around the result. "
        f"If you want the bare graph, {bare}."
    )
