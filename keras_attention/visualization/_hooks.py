"""Hooks on the calls of the layers in a model."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_attention._utils import validation


class Call:
    """A call of a layer, which a hook makes by `call_next`.

    Attributes:
        layer: The layer that is called.
        outer: The layers whose calls contain this call, the outermost first.
        args: The positional arguments.
        kwargs: The keyword arguments.
    """

    def __init__(self, stack: list, function: Callable, args, kwargs) -> None:
        *self.outer, self.layer = stack
        self.args = args
        self.kwargs = kwargs
        self._function = function

    @property
    def path(self) -> str:
        """The names of the layers below the model, or that of the model."""
        names = [layer.name for layer in (*self.outer, self.layer)]
        return "/".join(names[1:] or names)

    def call_next(self, **kwargs: Any) -> Any:
        """Call the layer and return its outputs.

        Args:
            **kwargs: Keyword arguments that replace those of the call.
        """
        return self._function(*self.args, **{**self.kwargs, **kwargs})


Hook = Callable[[Call], Any]


def call_with_hook(
    model: keras.layers.Layer,
    inputs: Any,
    hook: Hook,
    function: Callable | None = None,
) -> Any:
    """Call a model in inference mode, with a hook on each layer in it.

    The call of a layer returns what the hook returns. No variable of the model
    changes, and no gradient reaches its weights. The hook is not called for
    computations of a layer in a `keras.StatelessScope` of its own.

    Args:
        model: Model or layer.
        inputs: Inputs of the model.
        hook: Function of a `Call` that returns the outputs of the layer, such
            as `lambda call: call.call_next()`.
        function: Function `(model, inputs)` that calls the model, by default
            `call_in_inference_mode`.
    """
    if _threads.suspended is None:  # A call inside a layer has it already.
        _threads.suspended = keras.Variable(1, dtype="int32", trainable=False)
    suspended = _threads.suspended

    def hook_unless_suspended(call):
        if ops.convert_to_numpy(suspended.value):
            return call.call_next()
        return hook(call)

    # The values are copied, as another thread may train the model or, on JAX,
    # donate its weights to a compiled function.
    values = [ops.copy(v.value) for v in model.variables]
    state = list(
        zip(model.variables, map(ops.stop_gradient, values), strict=True)
    )
    active = (suspended, ops.zeros((), "int32"))
    with (
        keras.StatelessScope([*state, active]),
        _installed(model, hook_unless_suspended),
    ):
        return (function or call_in_inference_mode)(model, inputs)


def build(
    model: keras.layers.Layer, inputs: Any, function: Callable | None = None
) -> None:
    """Build the layers of a model that are not built, for these inputs."""
    with _building:  # Several threads may use a model that is not built.
        if not all(layer.built for layer in model._flatten_layers()):
            one = keras.tree.map_structure(lambda x: x[:1], inputs)
            (function or call_in_inference_mode)(model, one)


def count_samples(inputs: Any) -> int:
    """Return the number of samples in the inputs of a model, at least one."""
    sizes = {_first_size(x) for x in keras.tree.flatten(inputs)}
    if len(sizes) != 1 or not all(sizes):
        raise ValueError(
            "`inputs` must be arrays with the same number of samples, at least "
            f"one. Received: inputs={validation.described(inputs)}"
        )
    return sizes.pop()


def _first_size(array: Any) -> int:
    shape = () if isinstance(array, keras.KerasTensor) else np.shape(array)
    return shape[0] if shape else 0


def batches(inputs: Any, batch_size: int) -> Iterator[tuple[slice, Any]]:
    """Yield batches of the inputs of a model, with their slices of samples."""
    for start in range(0, count_samples(inputs), batch_size):
        part = slice(start, start + batch_size)
        yield part, keras.tree.map_structure(lambda x, p=part: x[p], inputs)


def numbered(path: str, calls: Counter) -> str:
    """Return a path; from the second call on, with the number of the call."""
    calls[path] += 1
    return path if calls[path] == 1 else f"{path}:{calls[path] - 1}"


def to_numpy(tensor: Any) -> np.ndarray:
    """Return a tensor as an array; float16 and bfloat16 become float32."""
    if keras.backend.standardize_dtype(tensor.dtype) in ("float16", "bfloat16"):
        tensor = ops.cast(tensor, "float32")
    return np.asarray(ops.convert_to_numpy(tensor))


def call_in_inference_mode(model: keras.layers.Layer, inputs: Any) -> Any:
    """Call a model in inference mode."""
    inputs = keras.tree.map_structure(ops.convert_to_tensor, inputs)
    return model(inputs, **inference_mode(model))


def inference_mode(layer: keras.layers.Layer) -> dict[str, bool]:
    """Return the keyword argument `training=False` if a layer takes it."""
    return {"training": False} if layer._call_has_training_arg else {}


class _HookScope:
    """A hook of one thread on the layers of a model.

    Attributes:
        hook: The hook.
        layers: The layers of the model, by their ids.
        stack: The layers whose calls are in progress, the outermost first.
    """

    def __init__(
        self, layers: dict[int, keras.layers.Layer], hook: Hook
    ) -> None:
        self.hook = hook
        self.layers = layers
        self.stack: list[keras.layers.Layer] = []


class _Threads(threading.local):
    """State of each thread.

    Attributes:
        scopes: The hook scopes of the thread, the innermost last.
        suspended: A variable that is 0 in the stateless scope of a hook and 1
            in every other scope, where hooks are not called.
    """

    def __init__(self) -> None:
        self.scopes: list[_HookScope] = []
        self.suspended: keras.Variable | None = None


class _Patch:
    """Replaces methods of a layer while any thread has a hook on it.

    Attributes:
        users: The number of hook scopes that use the patch.
    """

    def __init__(self, layer: keras.layers.Layer) -> None:
        self.users = 0
        self._layer = layer
        self._methods = {"call": _hooked_call(layer)}
        if getattr(layer, "_remat_mode", True):
            self._methods["rematerialized_call"] = _hooked_rematerialized_call(
                layer
            )
        own = vars(layer)
        self._replaced = {n: own[n] for n in self._methods if n in own}
        for name, method in self._methods.items():
            vars(method)["replaced"] = self._replaced.get(name)
            object.__setattr__(layer, name, method)

    def remove(self) -> None:
        """Restore the methods of the layer, unless others have been set."""
        for name, method in self._methods.items():
            if vars(self._layer).get(name) is not method:
                continue
            object.__delattr__(self._layer, name)
            if name in self._replaced:
                object.__setattr__(self._layer, name, self._replaced[name])


_threads = _Threads()
_patches: dict[int, _Patch] = {}
_patching = threading.Lock()
_building = threading.RLock()


@contextlib.contextmanager
def _installed(model: keras.layers.Layer, hook: Hook) -> Iterator[None]:
    """Install a hook on the layers of a model, for calls by this thread.

    The methods of the layer objects are replaced, not those of their classes.
    Calls by other threads, and of other models, do not use the hook. A layer
    with hooks of several threads is patched once; the last of them removes the
    patch.
    """
    layers = {id(layer): layer for layer in model._flatten_layers()}
    used: list[_Patch] = []
    scopes = _threads.scopes
    scopes.append(_HookScope(layers, hook))
    try:
        with _patching:
            for key, layer in layers.items():
                patch = _patches.get(key)
                if patch is None:
                    patch = _patches[key] = _Patch(layer)
                patch.users += 1
                used.append(patch)
        yield
    finally:
        scopes.pop()
        with _patching:
            for key, patch in zip(layers, used, strict=False):
                patch.users -= 1
                if not patch.users:
                    del _patches[key]
                    patch.remove()


def _hooked_call(layer: keras.layers.Layer) -> Callable:
    """Return a `call` that uses the hook of the current thread."""
    function = layer.call

    @functools.wraps(function)
    def call(*args, **kwargs):
        scope = _scope_of(layer)
        if scope is None:
            return function(*args, **kwargs)
        scope.stack.append(layer)
        try:
            return scope.hook(Call(scope.stack, function, args, kwargs))
        finally:
            scope.stack.pop()

    return call


def _hooked_rematerialized_call(layer: keras.layers.Layer) -> Callable:
    """Return a `rematerialized_call` that does nothing where a hook is used.

    Rematerialization would call the layer with tracers, or a second time.
    """
    method = layer.rematerialized_call

    @functools.wraps(method)
    def rematerialized_call(function, *args, **kwargs):
        if _scope_of(layer) is not None:
            return function
        return method(function, *args, **kwargs)

    return rematerialized_call


def _scope_of(layer: keras.layers.Layer) -> _HookScope | None:
    """Return the hook scope of this thread if the layer is part of it."""
    scope = _threads.scopes[-1] if _threads.scopes else None
    return scope if scope and id(layer) in scope.layers else None
