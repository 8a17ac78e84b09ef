"""Grad-CAM (Selvaraju et al., 2017)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention.ops import derivatives
from keras_attention.ops import precision
from keras_attention.visualization import _hooks
from keras_attention.visualization import _inputs
from keras_attention.visualization._path import LayerPath
from keras_attention.visualization.attention_maps import has_attention
from keras_attention.visualization.attention_maps import is_inner

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

    where :math:`A_{p,k}` is the output of a layer at position :math:`p` in
    channel :math:`k`, :math:`S` is the set of all positions, and :math:`s` is
    the score of the class. `keras_attention.attention_maps` returns the weights
    that a layer uses; Grad-CAM shows which positions increase the score.

    If the outputs of the model are probabilities that sum to one, the score is
    the logarithm of the odds of the class, which is the logit of the class
    minus a mean of the other logits. Otherwise it is the output of the class.

    Args:
        model: A model, or a layer, that returns scores `(batch, classes)`.
        inputs: Inputs that `model(inputs)` accepts.
        class_index: The class: one for all samples, or one for each. `None` is
            the class with the highest score.
        layers: Paths of layers that return a map, in the form of
            `keras_attention.attention_maps`. By default all layers with
            attention that return a map. If there are none, the last layer that
            returns one.
        batch_size: Number of samples that are computed at once.

    Returns:
        Dictionary of NumPy arrays `(samples, *spatial)`, by path, with no
        values below zero. `keras_attention.plot_attention` plots it alone, or
        with the result of `keras_attention.attention_maps` if it is passed as
        `gradients`.

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
    validation.layer("model", model)
    batch_size = validation.positive_integer("batch_size", batch_size)
    classes = _classes(class_index, _hooks.count_samples(inputs))
    wanted = None if layers is None else _paths(layers)
    found: dict[LayerPath, list[np.ndarray]] = {}
    for samples, batch in _hooks.batches(inputs, batch_size):
        scores, maps = _forward(model, batch, wanted)
        wanted = [str(path) for path in maps]
        chosen = scores.argmax(-1) if classes is None else classes[samples]
        gradients = _gradients(
            model, batch, maps, _one_hot(chosen, scores), scores
        )
        for path, values in maps.items():
            heatmap = _heatmap(values, gradients[path], path.layer)
            found.setdefault(path, []).append(heatmap)
    return {path: np.concatenate(batches) for path, batches in found.items()}


def _classes(class_index, count: int) -> np.ndarray | None:
    """Return the class of each sample, or `None`."""
    if class_index is None:
        return None
    try:
        classes = np.asarray(class_index)
    except (TypeError, ValueError):  # It is a ragged list or symbolic.
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
    """Return the scores, and the outputs of the wanted layers by path."""
    maps: dict[LayerPath, np.ndarray] = {}
    last: dict[LayerPath, Any] = {}
    known = []

    def hook(call):
        outputs = call.call_next()
        name = _hooks.numbered(call.path, calls)
        path = LayerPath(name, call.layer, "gradient")
        values = _without_attention(outputs)
        if _is_map(values):
            known.append(path)
            is_default = has_attention(call.layer) and not is_inner(call)
            if is_default if wanted is None else path in wanted:
                maps[path] = _hooks.to_numpy(values)
            elif not isinstance(call.layer, keras.Model):
                last.clear()
                last[path] = values
        return outputs

    calls: Counter = Counter()
    scores = _inputs.call_with_hook(model, batch, hook)
    if len(getattr(scores, "shape", ())) != 2:
        raise ValueError(
            "`model` must return scores of shape (batch, classes). "
            f"Received: model={model}"
        )
    if wanted is None and not maps:
        maps = {path: _hooks.to_numpy(values) for path, values in last.items()}
    if not maps or not set(wanted or ()) <= set(maps):
        raise ValueError(
            "`layers` must be paths of layers that return maps. There are: "
            f"{', '.join(known) or 'none'}. Received: layers={wanted}"
        )
    return _hooks.to_numpy(scores), maps


def _gradients(model, batch, maps, one_hot, scores):
    """Return the gradient of the score with respect to each map."""
    sizes = [values.size for values in maps.values()]
    ends = dict(zip(maps, np.cumsum(sizes), strict=True))
    use_odds = _are_probabilities(scores)

    def score(shifts):
        # The gradient is taken with respect to shifts of zero, which are added
        # to the outputs of the layers.
        def hook(call):
            outputs = call.call_next()
            path = _hooks.numbered(call.path, calls)
            if path not in maps:
                return outputs
            shape = maps[path].shape
            shift = shifts[ends[path] - math.prod(shape) : ends[path]]
            values = _without_attention(outputs)
            shifted = values + ops.cast(ops.reshape(shift, shape), values.dtype)
            return shifted if values is outputs else (shifted, *outputs[1:])

        calls: Counter = Counter()
        s = precision.upcast(_hooks.call_with_hook(model, batch, hook))
        chosen = ops.sum(s * ops.cast(one_hot, s.dtype), axis=-1)
        if use_odds:
            others = ops.sum(s * ops.cast(1 - one_hot, s.dtype), axis=-1)
            chosen = ops.log(ops.maximum(chosen, _TINY))
            chosen = chosen - ops.log(ops.maximum(others, _TINY))
        # The second sum makes the gradient zero, not undefined, for maps that
        # no score depends on.
        return ops.sum(chosen) + ops.sum(0 * shifts)

    flat = derivatives.gradient(score, ops.zeros((sum(sizes),), "float32"))
    by_map = np.split(_hooks.to_numpy(flat), list(ends.values())[:-1])
    return {
        path: gradient.reshape(maps[path].shape)
        for path, gradient in zip(maps, by_map, strict=True)
    }


def _heatmap(values, gradients, layer) -> np.ndarray:
    """Return the positive part of the sum of channels by mean gradients."""
    data_format = getattr(
        layer, "data_format", keras.config.image_data_format()
    )
    axes = data_formats.spatial_axes(data_format, values.ndim)
    alpha = gradients.mean(axes, keepdims=True)
    channels = data_formats.channel_axis(data_format, values.ndim)
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
    has_classes = scores.shape[-1] > 1
    sums = scores.sum(-1)
    return bool(
        has_classes and np.all(scores >= 0) and np.allclose(sums, 1, atol=1e-2)
    )


def _without_attention(outputs):
    """Return the outputs of a layer without the attention."""
    return outputs[0] if isinstance(outputs, tuple) else outputs


def _is_map(values) -> bool:
    """Return whether values are a map of more than one position."""
    shape = tuple(getattr(values, "shape", ()))
    return len(shape) > 2 and math.prod(shape) > shape[0] * max(
        shape[1], shape[-1]
    )
