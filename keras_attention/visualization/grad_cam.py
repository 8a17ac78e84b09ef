"""Grad-CAM (Selvaraju et al., 2017)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_attention import _arguments
from keras_attention import _axes
from keras_attention import _backend
from keras_attention import _numerics
from keras_attention.visualization import _inputs
from keras_attention.visualization import _watch
from keras_attention.visualization._path import LayerPath
from keras_attention.visualization.attention_maps import has_attention
from keras_attention.visualization.attention_maps import is_hidden

_TINY = 1e-30


def grad_cam(
    model: keras.layers.Layer,
    inputs: Any,
    class_index: int | Sequence[int] | None = None,
    *,
    layers: Sequence[str] | None = None,
    batch_size: int = 32,
) -> dict[str, np.ndarray]:
    r"""Computes Grad-CAM heatmaps for selected layers.

    .. math::

        M_p = \mathrm{relu}\Bigl(\sum_k \alpha_k A_{p,k}\Bigr), \qquad
        \alpha_k = \frac{1}{|S|} \sum_{q \in S}
        \frac{\partial s}{\partial A_{q,k}}

    where :math:`A_{p,k}` is what a layer returns at position :math:`p` of
    channel :math:`k`, :math:`S` are all positions, and :math:`s` is the score
    of the class. This is Grad-CAM: beside `keras_attention.attention_maps`,
    which tell what a layer weighs, it tells what moved the decision.

    Where the outputs of the model are probabilities that sum to one, the score
    is the logarithm of the class's odds, which is the logit of the class less
    a mean of the others. Otherwise it is the output of that index.

    Args:
        model: A model, or a layer, that returns scores `(batch, classes)`.
        inputs: What `model(inputs)` accepts.
        class_index: The class: one for all samples, or one for each. `None` is
            the class that the model chooses.
        layers: Paths of layers that return a map, as
            `keras_attention.attention_maps` names them. By default the layers
            with attention that do, and if there are none, the last layer that
            does.
        batch_size: How many samples are computed at once.

    Returns:
        Dictionary of NumPy arrays `(samples, *spatial)`, by path, of no values
        below zero. `keras_attention.plot_attention` draws it as it draws that
        of `keras_attention.attention_maps`, or both, with `gradients=`.

    Raises:
        ValueError: If an argument is not as described above.
        NotImplementedError: If the backend does not differentiate.

    Example:

    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((8, 8, 3)),
    ...         keras.layers.Conv2D(4, 3, padding="same"),
    ...         keras_attention.CBAM(name="cbam"),
    ...         keras.layers.GlobalAveragePooling2D(),
    ...         keras.layers.Dense(10, activation="softmax"),
    ...     ]
    ... )
    >>> images = np.ones((5, 8, 8, 3))
    >>> maps = keras_attention.grad_cam(model, images, class_index=7)
    >>> maps["cbam"].shape
    (5, 8, 8)

    Reference:
        `Grad-CAM: Visual Explanations from Deep Networks
        <https://arxiv.org/abs/1610.02391>`_, equations 1 and 2.
    """
    _arguments.layer("model", model)
    batch_size = _arguments.positive_integer("batch_size", batch_size)
    classes = _classes(class_index, _watch.count(inputs))
    wanted = None if layers is None else _paths(layers)
    found: dict[LayerPath, list[np.ndarray]] = {}
    for part, batch in _watch.batches(inputs, batch_size):
        scores, maps = _forward(model, batch, wanted)
        wanted = [str(path) for path in maps]
        chosen = scores.argmax(-1) if classes is None else classes[part]
        slopes = _slopes(model, batch, maps, _one_hot(chosen, scores), scores)
        for path, values in maps.items():
            weighed = _weighed(values, slopes[path], path.layer)
            found.setdefault(path, []).append(weighed)
    return {path: np.concatenate(parts) for path, parts in found.items()}


def _classes(class_index, count: int) -> np.ndarray | None:
    """Return the class of each sample, if any are asked for."""
    if class_index is None:
        return None
    try:
        classes = np.asarray(class_index)
    except (TypeError, ValueError):  # a ragged list, or a symbolic tensor
        classes = np.zeros((), "object")
    if classes.dtype.kind not in "iu" or classes.shape not in ((), (count,)):
        raise ValueError(
            "`class_index` must be an integer, one for each sample, or None. "
            f"Received: class_index={class_index!r}"
        )
    return np.broadcast_to(classes, (count,))


def _paths(layers) -> list[str]:
    paths = [layers] if isinstance(layers, str) else layers
    try:
        paths = list(paths)
    except TypeError:
        paths = []
    if not paths or not all(isinstance(path, str) for path in paths):
        raise ValueError(
            "`layers` must be paths of layers, at least one, or None. "
            f"Received: layers={layers!r}"
        )
    return paths


def _forward(model, batch, wanted):
    """Return scores, and the maps that are wanted, by path."""
    seen: dict[LayerPath, np.ndarray] = {}
    last: dict[LayerPath, Any] = {}
    known = []

    def see(call):
        outputs = call.run()
        name = _watch.numbered(call.path, calls)
        path = LayerPath(name, call.layer, "gradient")
        values = _main(outputs)
        if _is_map(values):
            known.append(path)
            usual = has_attention(call.layer) and not is_hidden(call)
            if usual if wanted is None else path in wanted:
                seen[path] = _watch.to_numpy(values)
            elif not isinstance(call.layer, keras.Model):
                last.clear()
                last[path] = values
        return outputs

    calls: Counter = Counter()
    scores = _inputs.run(model, batch, see)
    if len(getattr(scores, "shape", ())) != 2:
        raise ValueError(
            "`model` must return scores, of shape (batch, classes). "
            f"Received: model={model}"
        )
    if wanted is None and not seen:
        seen = {path: _watch.to_numpy(values) for path, values in last.items()}
    if not seen or not set(wanted or ()) <= set(seen):
        raise ValueError(
            "`layers` must be paths of layers that return maps. There are: "
            f"{', '.join(known) or 'none'}. Received: layers={wanted}"
        )
    return _watch.to_numpy(scores), seen


def _slopes(model, batch, maps, one_hot, scores):
    """Return how the scores change with each value of the maps."""
    sizes = [values.size for values in maps.values()]
    ends = dict(zip(maps, np.cumsum(sizes), strict=True))
    odds = _are_probabilities(scores)

    def score(shifts):
        # What is differentiated is a shift, by zero, of what layers return.
        def see(call):
            outputs = call.run()
            path = _watch.numbered(call.path, calls)
            if path not in maps:
                return outputs
            shape = maps[path].shape
            shift = shifts[ends[path] - math.prod(shape) : ends[path]]
            values = _main(outputs)
            moved = values + ops.cast(ops.reshape(shift, shape), values.dtype)
            return moved if values is outputs else (moved, *outputs[1:])

        calls: Counter = Counter()
        s = _numerics.accumulable(_watch.run(model, batch, see))
        chosen = ops.sum(s * ops.cast(one_hot, s.dtype), axis=-1)
        if odds:
            others = ops.sum(s * ops.cast(1 - one_hot, s.dtype), axis=-1)
            chosen = ops.log(ops.maximum(chosen, _TINY))
            chosen = chosen - ops.log(ops.maximum(others, _TINY))
        # Of maps that no score depends on the slope is zero, not an error.
        return ops.sum(chosen) + ops.sum(0 * shifts)

    flat = _backend.gradient(score, ops.zeros((sum(sizes),), "float32"))
    parts = np.split(_watch.to_numpy(flat), list(ends.values())[:-1])
    return {
        path: part.reshape(maps[path].shape)
        for path, part in zip(maps, parts, strict=True)
    }


def _weighed(values, slopes, layer) -> np.ndarray:
    """Return the sum of channels under their mean slopes, where positive."""
    layout = getattr(layer, "data_format", keras.config.image_data_format())
    axes = _axes.spatial_axes(layout, values.ndim)
    alpha = slopes.mean(axes, keepdims=True)
    channels = _axes.channel_axis(layout, values.ndim)
    return np.maximum((alpha * values).sum(channels), 0).astype("float32")


def _one_hot(classes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    count = scores.shape[-1]
    if not np.all((classes >= 0) & (classes < count)):
        raise ValueError(
            f"`class_index` must be from 0 to {count - 1}. "
            f"Received: class_index={classes.tolist()}"
        )
    return np.eye(count, dtype="float32")[classes]


def _are_probabilities(scores: np.ndarray) -> bool:
    several = scores.shape[-1] > 1
    sums = scores.sum(-1)
    return bool(
        several and np.all(scores >= 0) and np.allclose(sums, 1, atol=1e-2)
    )


def _main(outputs):
    """Return outputs without the attention that may come along."""
    return outputs[0] if isinstance(outputs, tuple) else outputs


def _is_map(values) -> bool:
    """Return whether this is a map, of more than one position."""
    shape = tuple(getattr(values, "shape", ()))
    return len(shape) > 2 and math.prod(shape) > shape[0] * max(
        shape[1], shape[-1]
    )
