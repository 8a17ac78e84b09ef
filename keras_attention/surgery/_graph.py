"""The graph of a functional or Sequential model: calls, and what they join."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras

from keras_attention._utils import data_formats


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """One call of an operation, which is a layer or one of `keras.ops`."""

    operation: Any
    args: tuple
    kwargs: dict[str, Any]
    inputs: list
    outputs: list


class Graph:
    """The calls of a model, each after those that it depends on.

    Attributes:
        calls: All of them.
        operations: What they call, each once.
    """

    def __init__(self, model: keras.Model) -> None:
        self.calls = list(_calls(model))
        self.operations = list(
            {id(c.operation): c.operation for c in self.calls}.values()
        )
        self._made_at = {
            id(tensor): place
            for place, call in enumerate(self.calls)
            for tensor in call.outputs
        }
        self.inputs = [self.place(x) for x in keras.tree.flatten(model.inputs)]
        self.outputs = [
            self.place(x) for x in keras.tree.flatten(model.outputs)
        ]
        self.sources = [
            sorted({self.place(x) for x in call.inputs}) for call in self.calls
        ]
        self.consumers: list[list[int]] = [[] for _ in self.calls]
        for place, sources in enumerate(self.sources):
            for source in sources:
                self.consumers[source].append(place)
        # A bit for each call that one depends on, itself included.
        self.ancestors: list[int] = []
        for place, sources in enumerate(self.sources):
            bits = 1 << place
            for source in sources:
                bits |= self.ancestors[source]
            self.ancestors.append(bits)
        self.with_kernel = sum(
            1 << place
            for place, call in enumerate(self.calls)
            if has_kernel(call.operation)
        )

    def place(self, tensor) -> int:
        """Return which of the calls made a tensor."""
        return self._made_at[id(tensor)]

    def chosen(self, bits: int) -> list[Call]:
        """Return the calls of which the bits are set."""
        return [c for place, c in enumerate(self.calls) if bits >> place & 1]


def is_network(operation: Any) -> bool:
    """Return whether this is a model whose graph can be read."""
    return isinstance(operation, keras.Model) and isinstance(
        operation, keras.Function | keras.Sequential
    )


def require_network(model: Any) -> None:
    """Refuse what has no graph (yet)."""
    if not is_network(model):
        raise ValueError(
            "`model` must be a functional or Sequential model. "
            f"Received: model={model!r}"
        )
    if not model.built:
        raise ValueError(
            "`model` must be built: give it an input shape. "
            f"Received: model={model!r}"
        )


def networks(
    model: keras.Model, path: str = ""
) -> Iterator[tuple[str, keras.Model, Graph]]:
    """Yield the model and all models in it, with the paths before names."""
    graph = Graph(model)
    yield path, model, graph
    for operation in graph.operations:
        if is_network(operation):
            yield from networks(operation, f"{path}{operation.name}/")


def has_kernel(operation: Any) -> bool:
    """Return whether an operation has weights that mix what it sees."""
    return any(len(w.shape) > 1 for w in getattr(operation, "weights", ()))


def data_format(graph: Graph) -> str:
    """Return the layout of most layers that have one, or Keras' own."""
    formats = [
        f for o in graph.operations if (f := getattr(o, "data_format", None))
    ]
    return max(
        dict.fromkeys(formats) or [keras.config.image_data_format()],
        key=formats.count,
    )


def spatial_size(shape, layout: str) -> tuple[int, ...] | None:
    """Return height and width, or whatever there is, of a map."""
    if len(shape) < 3:
        return None
    return tuple(
        shape[axis] for axis in data_formats.spatial_axes(layout, len(shape))
    )


def shapes(graph: Graph, layout: str, side: int = 256) -> list[tuple]:
    """Return the shape of each call's first output, with all sizes known.

    Sizes that the model leaves open are those for inputs of this side.
    """
    if all(None not in call.outputs[0].shape[1:] for call in graph.calls):
        return [tuple(call.outputs[0].shape) for call in graph.calls]
    found: dict[int, Any] = {}

    def known(tensor):
        return found.get(id(tensor), tensor)

    for call in graph.calls:
        if call.inputs:
            args, kwargs = keras.tree.map_structure(
                known, (list(call.args), call.kwargs)
            )
            made = call.operation.compute_output_spec(*args, **kwargs)
        else:
            batch, *sizes = call.outputs[0].shape
            sizes = [side if size is None else size for size in sizes]
            made = keras.KerasTensor((batch, *sizes), call.outputs[0].dtype)
        for old, new in zip(
            call.outputs, keras.tree.flatten(made), strict=True
        ):
            found[id(old)] = new
    return [tuple(found[id(call.outputs[0])].shape) for call in graph.calls]


def _calls(model: keras.Model) -> Iterator[Call]:
    # No public function of Keras tells which call made a tensor: these two
    # attributes do, in all versions of Keras 3.
    seen = set()
    tensors = keras.tree.flatten([model.inputs, model.outputs])
    stack = [_node(tensor) for tensor in reversed(tensors)]
    while stack:
        node = stack[-1]
        waiting = [
            source
            for tensor in node.input_tensors
            if id(source := _node(tensor)) not in seen
        ]
        if id(node) in seen:
            stack.pop()
        elif waiting:
            stack.extend(reversed(waiting))
        else:
            seen.add(id(stack.pop()))
            yield Call(
                node.operation,
                tuple(node.arguments.args),
                dict(node.arguments.kwargs),
                list(node.input_tensors),
                list(node.output_tensors),
            )


def _node(tensor):
    operation, index, _ = tensor._keras_history
    return operation._inbound_nodes[index]
