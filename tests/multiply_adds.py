"""Multiply-adds of a layer, counted in its reference implementation."""

from unittest import mock

import numpy as np

import references
from references import channel
from references import deformable
from references import fusion
from references import maths
from references import mixed
from references import self_attention
from references import spatial


def multiply_adds(layer, inputs):
    """Count the products of two values that are computed or learned.

    Normalization and localization networks are not counted. A bilinear sample
    counts as four.
    """
    if type(layer).__name__ == "RecurrentAttention":
        return _of_runs(layer)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(0, 0.05, w.shape) for w in layer.weights])
    point = [a.view(Counted) for a in references.point(layer, inputs)]
    Counted.count = 0
    patches = [
        mock.patch.object(module, "norm", lambda weights, name, x: x)
        for module in (channel, fusion, mixed, self_attention, spatial)
    ]
    patches += [
        *(
            mock.patch.object(m, "layer_norm", _uncounted(maths.layer_norm))
            for m in (channel, deformable)
        ),
        mock.patch.object(spatial, "dense", _uncounted(spatial.dense)),
        mock.patch.object(spatial, "sample", _reading(spatial.sample)),
        mock.patch.object(deformable, "hat", _reading(deformable.hat)),
    ]
    for patch in patches:
        patch.start()
    try:
        references.outputs(layer, point)
    finally:
        for patch in patches:
            patch.stop()
    return Counted.count


class Counted(np.ndarray):
    """An array that counts its products."""

    count = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        inputs = [_plain(x) for x in inputs]
        if out is not None:
            kwargs["out"] = tuple(_plain(x) for x in out)
        result = getattr(ufunc, method)(*inputs, **kwargs)
        if method == "__call__":
            if ufunc is np.matmul:
                Counted.count += result.size * inputs[0].shape[-1]
            elif ufunc is np.square or (
                # Constants of the equation, such as 2, are neither.
                ufunc is np.multiply
                and not any(type(x) in (int, float) for x in inputs)
            ):
                Counted.count += np.size(result)
        return _counted(result)

    def __array_function__(self, function, types, args, kwargs):
        args = [_plain(x) for x in args]
        if function is np.einsum:
            sizes = {
                letter: size
                for term, x in zip(args[0].split(","), args[1:], strict=True)
                for letter, size in zip(term, x.shape, strict=False)
            }
            Counted.count += int(np.prod(list(sizes.values())))
        return _counted(function(*args, **kwargs))

    def std(self, **kwargs):
        return _counted(_plain(self).std(**kwargs))


def _plain(x):
    if isinstance(x, list | tuple):
        return type(x)(_plain(item) for item in x)
    return x.view(np.ndarray) if isinstance(x, Counted) else x


def _counted(result):
    if isinstance(result, list | tuple):
        return type(result)(_counted(item) for item in result)
    return result.view(Counted) if isinstance(result, np.ndarray) else result


def _uncounted(function):
    """Return a function whose own products are not counted."""

    def run(*args):
        before = Counted.count
        result = function(*args)
        Counted.count = before
        return result

    return run


def _reading(function):
    """Return a function whose bilinear samples are counted."""

    def run(x, locations, *others):
        result = _uncounted(function)(x, locations, *others)
        if np.any(np.asarray(locations) % 1):
            Counted.count += 4 * result.size
        return result

    return run


def _of_runs(model):
    """Return the products of all glimpses and steps, and of the classifier."""
    total = {"classifier": 0, "others": 0}
    for weight in model.weights:
        if weight.path.endswith("kernel"):
            part = "classifier" if "classifier" in weight.path else "others"
            total[part] += int(np.prod(weight.shape))
    return model.num_glimpses * total["others"] + total["classifier"]
