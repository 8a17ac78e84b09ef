"""Graph of a functional or Sequential model: calls and their connections."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras

from keras_attention._utils import data_formats


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """One call of an operation, which is a layer or one of `keras.ops`.

    A call is a node of the graph.
    """

    operation: Any
    args: tuple
    kwargs: dict[str, Any]
    inputs: list
    outputs: list


class Graph:
    """The calls of a model in topological order.

    Nodes are numbered by their index in `calls`. Sets of nodes are integers
    whose bits are set at these indices.

    Attributes:
        calls: All calls.
        operations: The operations that are called, each once.
        inputs: Nodes of the inputs of the model.
        outputs: Nodes of the outputs of the model.
        sources: For each node, the nodes whose outputs it uses.
        consumers: For each node, the nodes that use its outputs.
        ancestors: For each node, the set of nodes that it depends on, with
            the node itself.
        with_kernel: Set of the nodes whose operations have a kernel.
    """

    def __init__(self, model: keras.Model) -> None:
        self.calls = list(_calls(model))
        self.operations = list(
            {id(c.operation): c.operation for c in self.calls}.values()
        )
        self._node_of = {
            id(tensor): node
            for node, call in enumerate(self.calls)
            for tensor in call.outputs
        }
        self.inputs = [self.node(x) for x in keras.tree.flatten(model.inputs)]
        self.outputs = [self.node(x) for x in keras.tree.flatten(model.outputs)]
        self.sources = [
            sorted({self.node(x) for x in call.inputs}) for call in self.calls
        ]
        self.consumers: list[list[int]] = [[] for _ in self.calls]
        for node, sources in enumerate(self.sources):
            for source in sources:
                self.consumers[source].append(node)
        self.ancestors: list[int] = []
        for node, sources in enumerate(self.sources):
            bits = 1 << node
            for source in sources:
                bits |= self.ancestors[source]
            self.ancestors.append(bits)
        self.with_kernel = sum(
            1 << node
            for node, call in enumerate(self.calls)
            if has_kernel(call.operation)
        )

    def node(self, tensor) -> int:
        """Return the node that returns a tensor."""
        return self._node_of[id(tensor)]

    def calls_in(self, bits: int) -> list[Call]:
        """Return the calls of a set of nodes."""
        return [c for node, c in enumerate(self.calls) if bits >> node & 1]


def is_network(operation: Any) -> bool:
    """Return whether an operation is a model whose graph can be read."""
    return isinstance(operation, keras.Model) and isinstance(
        operation, keras.Function | keras.Sequential
    )


def require_network(model: Any) -> None:
    """Raise an error unless a model has a graph and is built."""
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
    """Yield a model and all models inside it, with path prefix and graph."""
    graph = Graph(model)
    yield path, model, graph
    for operation in graph.operations:
        if is_network(operation):
            yield from networks(operation, f"{path}{operation.name}/")


def has_kernel(operation: Any) -> bool:
    """Return whether an operation has a weight of two or more axes."""
    return any(len(w.shape) > 1 for w in getattr(operation, "weights", ()))


def data_format(graph: Graph) -> str:
    """Return the data format of most layers, or the default of Keras."""
    formats = [
        f for o in graph.operations if (f := getattr(o, "data_format", None))
    ]
    return max(
        dict.fromkeys(formats) or [keras.config.image_data_format()],
        key=formats.count,
    )


def spatial_size(shape, data_format: str) -> tuple[int, ...] | None:
    """Return the spatial sizes of a map, or `None` if it has none."""
    if len(shape) < 3:
        return None
    return tuple(
        shape[axis]
        for axis in data_formats.spatial_axes(data_format, len(shape))
    )


def shapes(graph: Graph, side: int = 256) -> list[tuple]:
    """Return the shape of the first output of each call.

    Unknown sizes are computed for inputs whose unknown sizes are `side`. They
    are `side` again behind a layer that does not accept its input.
    """
    if all(None not in call.outputs[0].shape[1:] for call in graph.calls):
        return [tuple(call.outputs[0].shape) for call in graph.calls]
    known: dict[int, Any] = {}
    for call in graph.calls:
        if call.inputs:
            args, kwargs = keras.tree.map_structure(
                lambda x: known.get(id(x), x), (list(call.args), call.kwargs)
            )
            try:
                outputs = call.operation.compute_output_spec(*args, **kwargs)
            except ValueError:
                # An inner model may accept one size only.
                outputs = getattr(call.operation, "outputs", call.outputs)
                outputs = [_sized(x, side) for x in keras.tree.flatten(outputs)]
        else:
            outputs = _sized(call.outputs[0], side)
        for old, new in zip(
            call.outputs, keras.tree.flatten(outputs), strict=True
        ):
            known[id(old)] = new
    return [tuple(known[id(call.outputs[0])].shape) for call in graph.calls]


def _sized(x: Any, side: int) -> keras.KerasTensor:
    """Return a symbolic tensor with a size in place of unknown ones."""
    batch, *sizes = x.shape
    sizes = [side if size is None else size for size in sizes]
    return keras.KerasTensor((batch, *sizes), x.dtype)


def _calls(model: keras.Model) -> Iterator[Call]:
    # No public function of Keras returns the call that made a tensor. These
    # two attributes hold it in all versions of Keras 3.
    visited = set()
    tensors = keras.tree.flatten([model.inputs, model.outputs])
    stack = [_keras_node(tensor) for tensor in reversed(tensors)]
    while stack:
        node = stack[-1]
        unvisited = [
            source
            for tensor in node.input_tensors
            if id(source := _keras_node(tensor)) not in visited
        ]
        if id(node) in visited:
            stack.pop()
        elif unvisited:
            stack.extend(reversed(unvisited))
        else:
            visited.add(id(stack.pop()))
            yield Call(
                node.operation,
                tuple(node.arguments.args),
                dict(node.arguments.kwargs),
                list(node.input_tensors),
                list(node.output_tensors),
            )


def _keras_node(tensor):
    operation, index, _ = tensor._keras_history
    return operation._inbound_nodes[index]
