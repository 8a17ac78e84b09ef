"""The calls of the layers in a model, seen from where they happen."""

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

from keras_attention import _arguments


class Call:
    """A call that is about to happen.

    Attributes:
        layer: What is called.
        outer: The layers in whose calls this one happens, the outermost first.
        args: What it is called with.
        kwargs: And by name.
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

    def run(self, **kwargs: Any) -> Any:
        """Return what it returns, with these arguments in place of its own."""
        return self._function(*self.args, **{**self.kwargs, **kwargs})


See = Callable[[Call], Any]


def run(
    model: keras.layers.Layer,
    inputs: Any,
    see: See,
    called: Callable | None = None,
) -> Any:
    """Call a model in inference mode, and have `see` answer for its layers.

    What `see` returns is what the call of a layer returns; `call.run()` leaves
    it as it is. Calls are not seen where a layer computes something aside, in a
    `keras.StatelessScope` of its own. Nothing that the model remembers changes,
    and no gradient reaches its weights. `called` makes the call, if given.
    """
    if _threads.aside is None:  # inside the call of a layer there is one
        _threads.aside = keras.Variable(1, dtype="int32", trainable=False)
    aside = _threads.aside

    def unless_aside(call):
        return call.run() if ops.convert_to_numpy(aside.value) else see(call)

    # Copies, as another thread may train the model, or, on JAX, give its
    # weights away to a compiled function.
    values = [ops.copy(v.value) for v in model.variables]
    state = list(
        zip(model.variables, map(ops.stop_gradient, values), strict=True)
    )
    here = (aside, ops.zeros((), "int32"))
    with keras.StatelessScope([*state, here]), _watched(model, unless_aside):
        return (called or call_on)(model, inputs)


def build(
    model: keras.layers.Layer, inputs: Any, called: Callable | None = None
) -> None:
    """Make the weights that a model has not made yet, for such inputs."""
    with _building:  # by one thread, where several find it as it is
        if not all(layer.built for layer in model._flatten_layers()):
            one = keras.tree.map_structure(lambda x: x[:1], inputs)
            (called or call_on)(model, one)


def count(inputs: Any) -> int:
    """Return how many samples the inputs of a model have, at least one."""
    sizes = {_samples(x) for x in keras.tree.flatten(inputs)}
    if len(sizes) != 1 or not all(sizes):
        raise ValueError(
            "`inputs` must be arrays of as many samples each, at least one. "
            f"Received: inputs={_arguments.described(inputs)}"
        )
    return sizes.pop()


def _samples(array: Any) -> int:
    shape = () if isinstance(array, keras.KerasTensor) else np.shape(array)
    return shape[0] if shape else 0


def batches(inputs: Any, batch_size: int) -> Iterator[tuple[slice, Any]]:
    """Yield parts of the inputs of a model, and which samples they are."""
    for start in range(0, count(inputs), batch_size):
        part = slice(start, start + batch_size)
        yield part, keras.tree.map_structure(lambda x, p=part: x[p], inputs)


def numbered(path: str, calls: Counter) -> str:
    """Return a path, with the number of the call from the second on."""
    calls[path] += 1
    return path if calls[path] == 1 else f"{path}:{calls[path] - 1}"


def to_numpy(tensor: Any) -> np.ndarray:
    """Return an array, in float32 where it is of half precision."""
    if keras.backend.standardize_dtype(tensor.dtype) in ("float16", "bfloat16"):
        tensor = ops.cast(tensor, "float32")
    return np.asarray(ops.convert_to_numpy(tensor))


def call_on(model: keras.layers.Layer, inputs: Any) -> Any:
    """Call a model in inference mode."""
    inputs = keras.tree.map_structure(ops.convert_to_tensor, inputs)
    return model(inputs, **mode(model))


def mode(layer: keras.layers.Layer) -> dict[str, bool]:
    """Return `training=False` for a layer that takes it."""
    return {"training": False} if layer._call_has_training_arg else {}


class _Watch:
    """What one thread has to see of the layers of a model.

    Attributes:
        see: What answers for the layers.
        layers: The layers of the model, by their ids.
        stack: The layers in whose calls the thread is.
    """

    def __init__(self, layers: dict[int, keras.layers.Layer], see: See) -> None:
        self.see = see
        self.layers = layers
        self.stack: list[keras.layers.Layer] = []


class _Threads(threading.local):
    """What each thread has for itself.

    Attributes:
        watches: Its watches, the innermost last.
        aside: A variable that is zero in the scope of a watch alone.
    """

    def __init__(self) -> None:
        self.watches: list[_Watch] = []
        self.aside: keras.Variable | None = None


class _Patch:
    """What stands in for methods of a layer while anyone watches it."""

    def __init__(self, layer: keras.layers.Layer) -> None:
        self.users = 0
        self._layer = layer
        self._methods = {"call": _seen(layer)}
        if getattr(layer, "_remat_mode", True):
            self._methods["rematerialized_call"] = _not_rematerialized(layer)
        own = vars(layer)
        self._before = {n: own[n] for n in self._methods if n in own}
        for name, method in self._methods.items():
            vars(method)["replaced"] = self._before.get(name)
            object.__setattr__(layer, name, method)

    def remove(self) -> None:
        """Give the layer its own methods back, unless it has got others."""
        for name, method in self._methods.items():
            if vars(self._layer).get(name) is not method:
                continue
            object.__delattr__(self._layer, name)
            if name in self._before:
                object.__setattr__(self._layer, name, self._before[name])


_threads = _Threads()
_patches: dict[int, _Patch] = {}
_patching = threading.Lock()
_building = threading.RLock()


@contextlib.contextmanager
def _watched(model: keras.layers.Layer, see: See) -> Iterator[None]:
    """Put `see` between the layers of a model and those who call them.

    Which is done to the objects, not to their classes, and is seen by this
    thread alone: calls by others, and of other models, go on as they were.
    Layers that several threads watch are patched once, and set free by the
    last of them.
    """
    layers = {id(layer): layer for layer in model._flatten_layers()}
    mine: list[_Patch] = []
    watches = _threads.watches
    watches.append(_Watch(layers, see))
    try:
        with _patching:
            for key, layer in layers.items():
                patch = _patches.get(key)
                if patch is None:
                    patch = _patches[key] = _Patch(layer)
                patch.users += 1
                mine.append(patch)
        yield
    finally:
        watches.pop()
        with _patching:
            for key, patch in zip(layers, mine, strict=False):
                patch.users -= 1
                if not patch.users:
                    del _patches[key]
                    patch.remove()


def _seen(layer: keras.layers.Layer) -> Callable:
    function = layer.call

    @functools.wraps(function)
    def call(*args, **kwargs):
        watch = _watch_of(layer)
        if watch is None:
            return function(*args, **kwargs)
        watch.stack.append(layer)
        try:
            return watch.see(Call(watch.stack, function, args, kwargs))
        finally:
            watch.stack.pop()

    return call


def _not_rematerialized(layer: keras.layers.Layer) -> Callable:
    """Return what makes no call again, and none of tracers, that is watched."""
    method = layer.rematerialized_call

    @functools.wraps(method)
    def rematerialized_call(function, *args, **kwargs):
        if _watch_of(layer) is not None:
            return function
        return method(function, *args, **kwargs)

    return rematerialized_call


def _watch_of(layer: keras.layers.Layer) -> _Watch | None:
    """Return the watch of this thread, if the layer is in it."""
    watch = _threads.watches[-1] if _threads.watches else None
    return watch if watch and id(layer) in watch.layers else None
