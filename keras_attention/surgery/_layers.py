"""Copies of layers and operations, and of their state."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_attention._utils import validation
from keras_attention.surgery import _classes

# Unknown sizes are tried in this order.
SIDES = (8, 32, 64, 224)
TOLERANCE = 1e-4  # relative to the largest value
# The configs of classes of these packages hold every argument.
TRUSTED = ("keras", "keras_attention")


def clone_operation(operation: Any, name: str | None = None) -> Any:
    """Return a new layer or operation with the same config.

    Args:
        operation: The layer or operation.
        name: Another name, for a layer.
    """
    if type(operation) is keras.layers.Lambda:
        return _clone_lambda(operation, name or operation.name)
    try:
        copy = _from_config(operation, name)
    except Exception as error:  # The layer may be the user's.
        if not isinstance(operation, keras.layers.Layer):
            return _shallow_copy(operation)
        raise ValueError(
            "The `from_config` of a layer must accept the config that its "
            f"`get_config` returns. That of {type(operation).__name__} does "
            f"not: {validation.reason(error)}. Received: layer={operation!r}"
        ) from error
    if isinstance(operation, keras.layers.Layer):
        for old, new in _layer_pairs(operation, copy):
            policy = old.dtype_policy
            if policy != new.dtype_policy and not policy.quantization_mode:
                new.dtype_policy = policy
    return copy


def _from_config(operation, name):
    def config():
        given = operation.get_config()
        return given if name is None else {**given, "name": name}

    cls = type(operation)
    if isinstance(operation, keras.layers.Layer):
        return _classes.build_from_config(cls, config, operation.name)
    return cls.from_config(config())


def clone_layer(layer: keras.layers.Layer, name: str | None = None) -> Any:
    """Return a new layer with the same config, and another name if given."""
    return clone_operation(layer, name or layer.name)


def _clone_lambda(layer, name):
    """Return a new `Lambda` layer with the same function, without a config."""
    return keras.layers.Lambda(
        layer.function,
        output_shape=layer._output_shape,
        mask=layer.mask,
        arguments=dict(layer.arguments),
        name=name,
        trainable=layer.trainable,
        dtype=layer.dtype_policy,
    )


def _shallow_copy(operation):
    """Return a copy of an operation, with the same attributes and no calls."""
    copy = object.__new__(type(operation))
    vars(copy).update(vars(operation))
    copy._inbound_nodes, copy._outbound_nodes = [], []
    return copy


def copy_state(layer: keras.layers.Layer, copy: keras.layers.Layer) -> None:
    """Copy the weights and other state of a layer to its copy."""
    pairs = _layer_pairs(layer, copy)
    for old, new in pairs:
        if old.dtype_policy != new.dtype_policy:
            new.dtype_policy = old.dtype_policy  # This may quantize the layer.
    for old, new in _variable_pairs(layer, copy):
        # JAX deletes the arrays that training has replaced.
        new.assign(ops.copy(old.value))
    for old, new in pairs:
        if new.trainable != old.trainable:
            new.trainable = old.trainable
    for old, new in _variable_pairs(layer, copy):
        if new.trainable != old.trainable:
            new.trainable = old.trainable
    for old, new in pairs:
        if hasattr(old, "save_assets") and hasattr(new, "load_assets"):
            _copy_assets(old, new)
        # Some preprocessing layers derive attributes from their weights.
        if hasattr(new, "finalize_state"):
            new.finalize_state()


def _copy_assets(layer, copy):
    """Copy state that is stored in files beside the weights."""
    with tempfile.TemporaryDirectory() as folder:
        layer.save_assets(folder)
        copy.load_assets(folder)


def _layer_pairs(layer, copy) -> list[tuple]:
    """Return pairs of each layer in a layer and its copy, outer ones first.

    If the copy contains layers of other classes, only the two layers
    themselves are a pair.
    """
    old, new = layer._flatten_layers(), copy._flatten_layers()
    if [type(inner) for inner in old] != [type(inner) for inner in new]:
        return [(layer, copy)]
    return list(zip(old, new, strict=True))


def _variable_pairs(layer, copy) -> Iterator[tuple]:
    """Yield pairs of the variables of a layer and of its copy."""
    pairs = list(zip(layer.variables, copy.variables, strict=False))
    if len(layer.variables) != len(copy.variables) or any(
        old.shape != new.shape for old, new in pairs
    ):
        raise ValueError(
            "A layer must have the same weights when it is made again from its "
            f"config. Received: layer={layer!r}"
        )
    yield from pairs


def require_same(layer, copy, call) -> None:
    """Raise an error if the copy of a layer has other outputs.

    Both are called once, on random values. Layers of Keras and of this package
    are not called, as their configs are complete.
    """
    flat = layer._flatten_layers()
    if any("call" in _classes.instance_functions(inner) for inner in flat):
        raise ValueError(
            "The `call` of a layer must be that of its class. This layer has a "
            "`call` that was set on the object and would be lost: define it in "
            f"a subclass. Received: layer={layer!r}"
        )
    if all(_classes.package(inner) in TRUSTED for inner in flat):
        return
    if not is_same(layer, copy, call.args, call.kwargs):
        raise ValueError(
            "A layer must compute the same when it is made again from its "
            "config, so `get_config` must return all arguments that it needs. "
            f"{type(layer).__name__} does not. Received: layer={layer!r}"
        )


def _random_values(tensor: Any, side: int) -> Any:
    """Return random values for a symbolic tensor, other values unchanged."""
    if not isinstance(tensor, keras.KerasTensor):
        return tensor
    batch, *sizes = tensor.shape or (1,)
    shape = [batch or 1, *(side if size is None else size for size in sizes)]
    rng = np.random.default_rng(0)
    if "int" in tensor.dtype or tensor.dtype == "bool":
        values = rng.integers(0, 2, shape).astype("float32")
    else:
        values = rng.normal(size=shape).astype("float32")
    return ops.convert_to_tensor(values, dtype=tensor.dtype)


def is_same(layer, copy, args, kwargs) -> bool:
    """Return whether a layer and its copy have equal outputs on random values.

    Random values replace symbolic tensors in the arguments. Unknown sizes are
    the first of `SIDES` that the layer accepts. If the layer accepts none of
    them, or has random outputs, nothing can be compared, and the result is
    `True`.
    """
    for side in SIDES:
        values, named_values = keras.tree.map_structure(
            lambda x, side=side: _random_values(x, side),
            (list(args), dict(kwargs)),
        )
        try:
            expected = _outputs(layer, values, named_values)
            repeated = _outputs(layer, values, named_values)
        except Exception:  # The device or these values do not suit the layer.
            continue
        if not any(y.size for y in expected):
            continue  # Some backends accept maps that are too small.
        if not _are_close(expected, repeated):
            return True  # The layer is random.
        try:
            return _are_close(expected, _outputs(copy, values, named_values))
        except Exception:  # The copy refuses what the layer accepts.
            return False
    return True


def _outputs(layer, args, kwargs):
    """Return the outputs of a layer without changing its variables."""
    outputs, _ = layer.stateless_call(
        [v.value for v in layer.trainable_variables],
        [v.value for v in layer.non_trainable_variables],
        *args,
        **kwargs,
    )
    return [
        ops.convert_to_numpy(ops.cast(y, "float32"))
        for y in keras.tree.flatten(outputs)
        if y is not None
    ]


def _are_close(outputs, others) -> bool:
    return len(outputs) == len(others) and all(
        y.shape == z.shape
        and np.allclose(
            y,
            z,
            TOLERANCE,
            TOLERANCE * float(np.abs(y).max(initial=0)),
            True,
        )
        for y, z in zip(outputs, others, strict=True)
    )
