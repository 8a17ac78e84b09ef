"""A model built again, with something else in some of its places."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from collections.abc import Collection
from typing import Any

import keras
from keras import ops

from keras_attention.surgery import _classes
from keras_attention.surgery import _layers
from keras_attention.surgery._graph import Call
from keras_attention.surgery._graph import Graph
from keras_attention.surgery._graph import is_network
from keras_attention.surgery._graph import networks
from keras_attention.surgery._state import Lost
from keras_attention.surgery._state import State
from keras_attention.surgery._state import attributes


class Rebuild:
    """Copies models by config, call by call, and keeps their weights.

    Args:
        follow: Says which new layers follow an operation, given it and what it
            returned; they may follow one tensor.
        replace: Says which new layer is called in the place of an operation,
            and on which of its inputs in what order; `None` for none. It is
            given the call.
        changed: The `id` of each operation that something follows or replaces.
    """

    def __init__(
        self,
        follow: Callable[[Any, Any], list] = lambda operation, outputs: [],
        replace: Callable[[Call], tuple | None] = lambda call: None,
        changed: Collection[int] = (),
    ) -> None:
        self._follow = follow
        self._replace = replace
        self._changed = frozenset(changed)
        self._copies: dict[int, Any] = {}
        self._leaves: list[tuple[Any, Any, Call | None, bool]] = []
        self._variables: list[tuple[Any, Any]] = []
        self._kept: list[tuple[Any, list[str]]] = []

    def model(self, model: keras.Model) -> keras.Model:
        """Return a copy, with the same values, frozen where that is."""
        copy = self._network(model, not model.trainable, outermost=True)
        for layer, twin, call, frozen in self._leaves:
            _layers.copy_state(layer, twin)
            if frozen:
                twin.trainable = False
            if call is not None:
                _layers.require_same(layer, twin, call)
        for variable, other in self._variables:
            # JAX deletes what a model that is trained has replaced.
            other.assign(ops.copy(variable.value))
        if self._kept and self._changed:
            self._require_same_outputs(model)
        return copy

    def _network(self, model, frozen, *, outermost=False):
        """Return a copy of a model whose graph can be read."""
        names = _classes.overridden(model)
        if names:
            copies, leaves = dict(self._copies), list(self._leaves)
            try:
                new = self._with_class(model, frozen)
                self._kept.append((model, names))
                return new
            except Lost as error:
                if outermost or _classes.IN_CALLS & set(names):
                    raise ValueError(
                        _about_class(model, names, error, outermost)
                    ) from error
            # As a layer, it is its graph. What was tried does not count.
            self._copies, self._leaves = copies, leaves
        if isinstance(model, keras.Sequential) and not outermost:
            layers = self._chain(model, frozen)
            return keras.Sequential(layers, name=model.name)
        inputs, outputs = self._functional(model, frozen)
        names = list(getattr(model, "output_names", []))
        kind = _class_of(model)
        if outermost and names and kind is keras.Model:
            made = [
                x._keras_history[0].name for x in keras.tree.flatten(outputs)
            ]
            if names != made:
                return _classes.NamedOutputs(
                    inputs, outputs, name=model.name, output_names=names
                )
        new = kind(inputs, outputs, name=model.name)
        if outermost and names:
            new.output_names = names
        return new

    def _with_class(self, model, frozen):
        """Return a copy of the same class, which overrides something."""
        if not _classes.is_made_of_graph(model):
            return self._by_config(model, frozen)
        if isinstance(model, keras.Sequential):
            make, arguments = keras.Sequential, (self._chain(model, frozen),)
        else:
            make, arguments = keras.Model, self._functional(model, frozen)
        state = State(self._copies)
        new = _classes.with_graph(model, arguments, state.value)
        self._carry(state, model, new, make(*arguments, name=model.name))
        if isinstance(new, keras.Function):
            new.output_names = list(model.output_names)
        return new

    def _by_config(self, model, frozen):
        graph = Graph(model)
        if any(id(o) in self._changed for o in graph.operations):
            raise Lost("its constructor does not take a graph")
        instead = {
            id(o): self._copy(o, frozen)
            for o in graph.operations
            if is_network(o) and self._is_changed_in(o)
        }
        new = _classes.from_config(model, instead)
        self._pair(model, new, frozen)
        inputs, outputs = _ends(model)
        bare = keras.Model(inputs, outputs, name=model.name)
        self._carry(State(self._copies), model, new, bare)
        return new

    def _is_changed_in(self, model) -> bool:
        return any(
            id(operation) in self._changed
            for _, _, graph in networks(model)
            for operation in graph.operations
        )

    def _pair(self, model, new, frozen):
        """Take what a new model is made of for copies of what another is."""
        calls = Graph(model).calls
        others = Graph(new).calls if is_network(new) else []
        if len(calls) != len(others):
            raise Lost("its config does not make its graph")
        for call, other in zip(calls, others, strict=True):
            old, twin = call.operation, other.operation
            known = self._copies.get(id(old))
            if known is not None and known is not twin:
                raise Lost("its config does not make its graph")
            if known is None:
                self._copies[id(old)] = twin
                if type(old) is not type(twin):
                    raise Lost("its config does not make its graph")
                if is_network(old):
                    self._pair(old, twin, frozen or not old.trainable)
                elif isinstance(old, keras.layers.Layer):
                    self._leaves.append((old, twin, call, frozen))

    def _carry(self, state, model, new, bare):
        """Give a model what was set on another of the same class."""
        state.carry(model, new, bare)
        self._leaves += [(*pair, None, False) for pair in state.layers]
        self._variables += state.variables

    def _require_same_outputs(self, model):
        """Refuse classes that compute something else when they are copied."""
        copy = Rebuild().model(model)
        inputs, _ = _ends(model)
        if not _layers.is_same(model, copy, (inputs,), {"training": False}):
            kinds = {
                f"{type(kept).__name__} ({', '.join(names)})"
                for kept, names in self._kept
            }
            raise ValueError(
                "`model` must compute the same when the classes in it that "
                "override methods of Keras are made again, and one of these "
                f"does not: {', '.join(sorted(kinds))}. {_cure(model)} "
                f"Received: model={model!r}"
            )

    def _functional(self, model, frozen):
        """Return the inputs and outputs of a new graph."""
        found: dict[int, Any] = {}
        entries: dict[int, Any] = {}
        for call in Graph(model).calls:
            self._call(call, found, frozen)
            if not call.inputs:
                copy = self._copy(call.operation, frozen)
                entries[id(call.outputs[0])] = copy.output
        inputs, outputs = _ends(model)
        return (
            keras.tree.map_structure(lambda x: entries[id(x)], inputs),
            keras.tree.map_structure(lambda x: found[id(x)], outputs),
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
        copy = self._copy(call.operation, frozen, call)
        outputs = copy(*args, **kwargs) if call.inputs else copy.output
        outputs = keras.tree.flatten(outputs)
        for layer in self._follow(call.operation, call.outputs):
            outputs = [layer(*outputs)]
        for old, new in zip(call.outputs, outputs, strict=True):
            found[id(old)] = new

    def _copy(self, operation, frozen, call=None):
        if id(operation) not in self._copies:
            if is_network(operation):
                frozen = frozen or not operation.trainable
                copy = self._network(operation, frozen)
            else:
                copy = _layers.again(operation)
                if isinstance(operation, keras.layers.Layer):
                    self._leaves.append((operation, copy, call, frozen))
            self._copies[id(operation)] = copy
        return self._copies[id(operation)]

    def _chain(self, model, frozen):
        """Return the layers of a new Sequential model."""
        layers = []
        for call in Graph(model).calls:
            layers.append(self._copy(call.operation, frozen, call))
            layers.extend(self._follow(call.operation, call.outputs))
        return layers


def _ends(model):
    """Return inputs and outputs in the structure that they are called in."""
    if isinstance(model, keras.Sequential):
        return model.inputs[0], model.outputs[0]
    return model.input, model.output


def _class_of(model):
    """Return a class that is made of inputs, outputs and a name."""
    parameters = list(inspect.signature(type(model).__init__).parameters)
    is_own = _classes.package(model) not in _layers.TRUSTED
    takes_graph = parameters[1:4] == ["inputs", "outputs", "name"]
    return type(model) if is_own and takes_graph else keras.Model


def _about_class(model, names, reason, outermost):
    which = "`model`" if outermost else f"The model {model.name!r} in `model`"
    return (
        f"{which} must be a bare graph, or of a class that can be made again "
        f"around the new one. {type(model).__name__} overrides "
        f"{', '.join(names)}, which would be lost: {reason}. {_cure(model)} "
        f"Received: model={model!r}"
    )


def _cure(model):
    """Return what to do about a class that cannot be kept."""
    inner = [
        name
        for name in ("backbone", *sorted(attributes(model)))
        if name[0] != "_" and is_network(getattr(model, name, None))
    ]
    bare = "give `keras.Model(model.input, model.output)`"
    if not inner:
        return f"Where the bare graph is what is wanted, {bare}."
    return (
        f"Where the class takes any network as its {inner[0]!r}, give "
        f"`model.{inner[0]}` and make the class again around the result; "
        f"where the bare graph is what is wanted, {bare}."
    )
