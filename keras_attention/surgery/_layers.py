"""Layers made again by their config, with the state of the given ones."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_attention._utils import validation
from keras_attention.surgery import _classes

SIDES = (8, 32, 64, 224)  # to try where a size is open
TOLERANCE = 1e-4  # of the largest value
TRUSTED = ("keras", "keras_attention")  # whose configs hold every argument


def again(operation: Any, name: str | None = None) -> Any:
    """Return a new layer, or operation, of the same config.

    Args:
        operation: The given one.
        name: Another name, for a layer.
    """
    if type(operation) is keras.layers.Lambda:
        return _lambda(operation, name or operation.name)
    try:
        copy = _by_config(operation, name)
    except Exception as error:  # of whoever wrote the layer
        if not isinstance(operation, keras.layers.Layer):
            return _shallow(operation)
        raise ValueError(
            "A layer must be such that `from_config` accepts what `get_config` "
            f"returns, and {type(operation).__name__} is not: "
            f"{validation.reason(error)}. Received: layer={operation!r}"
        ) from error
    if isinstance(operation, keras.layers.Layer):
        for old, new in _pairs(operation, copy):
            policy = old.dtype_policy
            if policy != new.dtype_policy and not policy.quantization_mode:
                new.dtype_policy = policy
    return copy


def _by_config(operation, name):
    def config():
        given = operation.get_config()
        return given if name is None else {**given, "name": name}

    kind = type(operation)
    if isinstance(operation, keras.layers.Layer):
        return _classes.made_by_config(kind, config, operation.name)
    return kind.from_config(config())


def copied(layer: keras.layers.Layer, name: str | None = None) -> Any:
    """Return a new layer of the same config, under another name if given."""
    return again(layer, name or layer.name)


def _lambda(layer, name):
    """Return a new layer of the same function, which needs no config."""
    return keras.layers.Lambda(
        layer.function,
        output_shape=layer._output_shape,
        mask=layer.mask,
        arguments=dict(layer.arguments),
        name=name,
        trainable=layer.trainable,
        dtype=layer.dtype_policy,
    )


def _shallow(operation):
    """Return an operation of the same attributes that nobody has called."""
    copy = object.__new__(type(operation))
    vars(copy).update(vars(operation))
    copy._inbound_nodes, copy._outbound_nodes = [], []
    return copy


def copy_state(layer: keras.layers.Layer, twin: keras.layers.Layer) -> None:
    """Give a layer the state of another of the same config."""
    pairs = _pairs(layer, twin)
    for old, new in pairs:
        if old.dtype_policy != new.dtype_policy:
            new.dtype_policy = old.dtype_policy  # which quantizes, too
    for variable, other in _variables(layer, twin):
        # JAX deletes what a model that is trained has replaced.
        other.assign(ops.copy(variable.value))
    for old, new in pairs:
        if new.trainable != old.trainable:
            new.trainable = old.trainable
    for variable, other in _variables(layer, twin):
        if other.trainable != variable.trainable:
            other.trainable = variable.trainable
    for old, new in pairs:
        if hasattr(old, "save_assets") and hasattr(new, "load_assets"):
            _copy_assets(old, new)
        # What some preprocessing layers derive from their weights.
        if hasattr(new, "finalize_state"):
            new.finalize_state()


def _copy_assets(layer, twin):
    """Give a layer what another keeps beside its weights: a vocabulary."""
    with tempfile.TemporaryDirectory() as folder:
        layer.save_assets(folder)
        twin.load_assets(folder)


def _pairs(layer, twin) -> list[tuple]:
    """Return a layer and all in it beside those of another, outer ones first.

    Only the two themselves if there are other layers in them.
    """
    old, new = layer._flatten_layers(), twin._flatten_layers()
    if [type(part) for part in old] != [type(part) for part in new]:
        return [(layer, twin)]
    return list(zip(old, new, strict=True))


def _variables(layer, twin) -> Iterator[tuple]:
    """Yield the variables of a layer beside those of another."""
    pairs = list(zip(layer.variables, twin.variables, strict=False))
    if len(layer.variables) != len(twin.variables) or any(
        old.shape != new.shape for old, new in pairs
    ):
        raise ValueError(
            "A layer must have the same weights when it is made again from its "
            f"config. Received: layer={layer!r}"
        )
    yield from pairs


def require_same(layer, twin, call) -> None:
    """Refuse a layer that computes something else when it is made again.

    It is called once, on random values. Keras' own layers, and those of this
    package, are not: their configs are known to be complete.
    """
    parts = layer._flatten_layers()
    if any("call" in _classes.set_on(part) for part in parts):
        raise ValueError(
            "The `call` of a layer must be that of its class, and this one has "
            "another set on it, which would be lost. Received: "
            f"layer={layer!r}"
        )
    if all(_classes.package(part) in TRUSTED for part in parts):
        return
    if not is_same(layer, twin, call.args, call.kwargs):
        raise ValueError(
            "A layer must compute the same when it is made again from its "
            "config, so `get_config` must return all arguments that it needs. "
            f"{type(layer).__name__} does not. Received: layer={layer!r}"
        )


def _sample(tensor: Any, side: int) -> Any:
    """Return random values for a symbolic tensor, anything else as it is."""
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


def is_same(layer, twin, args, kwargs) -> bool:
    """Return whether two layers compute the same, as far as can be seen.

    Symbolic tensors in the arguments stand for random values, of sizes that the
    first layer accepts where they are open.
    """
    for side in SIDES:
        given, named = keras.tree.map_structure(
            lambda x, side=side: _sample(x, side), (list(args), dict(kwargs))
        )
        try:
            expected = _outputs(layer, given, named)
            again = _outputs(layer, given, named)
        except Exception:  # not for this device, or not for such values
            continue
        if not any(y.size for y in expected):
            continue  # too small, which not all backends refuse
        if not _are_close(expected, again):
            return True  # it is random
        try:
            return _are_close(expected, _outputs(twin, given, named))
        except Exception:  # what the given layer computes, the other refuses
            return False
    return True


def _outputs(layer, args, kwargs):
    """Return what a layer computes, whose variables stay as they are."""
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
            y, z, TOLERANCE, TOLERANCE * float(np.abs(y).max(initial=0)), True
        )
        for y, z in zip(outputs, others, strict=True)
    )
