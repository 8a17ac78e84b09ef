"""Attention arrays with their kind, which decides how they are plotted."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_attention import _cards
from keras_attention._base.card import GATES
from keras_attention._base.card import card_of
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention.mixed import IdentityStart
from keras_attention.visualization import _hooks
from keras_attention.visualization._path import LayerPath

# Kinds of attention with a channel axis.
_WITH_CHANNELS = (
    *GATES,
    "fusion",
    "kernel offsets",
    "kernel weights",
    "group offsets",
    "group weights",
)
# Kinds whose entries are plotted together: the kind of the plot, and the names
# of the entries by their kind, of which the first must be there.
_TOGETHER = {
    "kernel offsets": {"kernel offsets": "offsets", "kernel weights": "mask"},
    "group offsets": {"group offsets": "offsets", "group weights": "mask"},
    "patches": {"positions": "positions", "saliency": "saliency"},
    "cross": {"column pairs": "height", "row pairs": "width"},
    "locations": {"locations": "locations", "location weights": "weights"},
}
# The kinds of plots that need both entries.
_BOTH = ("patches", "cross")
# The kinds of attention that is a dictionary, by the keys of the dictionary.
_KINDS_BY_KEYS: dict[tuple[str, ...], Mapping[str, str]] = {}
for _card in (cls.card for cls in _cards.layers().values()):
    if isinstance(_card.attention, Mapping):
        # If several layers have the same keys, the first one counts.
        _KINDS_BY_KEYS.setdefault(tuple(_card.attention), _card.attention)


@dataclasses.dataclass(frozen=True)
class AttentionRecord:
    """Attention of one layer, to be plotted, with the channels last.

    Attributes:
        name: The path of the layer, or another name for it.
        kind: The kind of attention, `"patches"`, or `"gradient"`.
        values: One array, or a dictionary of arrays.
        layer: The layer, or `None` if it is not known.
        path: The path of the layer.
        size: Spatial size of the map that the layer was called on, or `None`.
    """

    name: str
    kind: str
    values: Any
    layer: Any = None
    path: str = ""
    size: tuple[int, ...] | None = None

    @property
    def count(self) -> int:
        """The number of samples."""
        return len(keras.tree.flatten(self.values)[0])


def by_path(attention: Any, layer: keras.layers.Layer | None) -> dict[str, Any]:
    """Return the attention of each layer, by its path.

    Args:
        attention: The attention of one layer, or a dictionary by path.
        layer: The layer of `attention`, if it is given.
    """
    if isinstance(attention, Mapping):
        has_paths = any(isinstance(key, LayerPath) for key in attention)
        is_one = layer is not None or _kinds_of_keys(attention)
        if has_paths or not is_one or not attention:
            return dict(attention)
    name = "attention" if layer is None else layer.name
    return {name: attention}


def records(
    attention: Mapping[str, Any],
    layer: keras.layers.Layer | None,
    data_format: str | None,
    argument: str = "attention",
) -> list[AttentionRecord]:
    """Return records of the attention of one or more layers.

    Args:
        attention: Attention of each layer, by its path.
        layer: The layer of all entries whose path does not know its layer.
        data_format: Data format of entries whose layer is not known.
        argument: Name of the argument that `attention` is, for errors.
    """
    found = []
    for path, values in attention.items():
        owner = getattr(path, "layer", layer)
        arrays = _arrays(values)
        measure = getattr(path, "measure", "attention")
        kinds = measure
        if measure == "attention":
            kinds = _kinds_of_layer(owner) or _kinds_of_keys(arrays)
        if not _has_structure(arrays, kinds):
            received = {str(path): _described(values)}
            raise ValueError(
                f"`{argument}` must be an array for each layer, or a "
                "dictionary of arrays whose kinds are known: those with the "
                f"keys {_known_keys()}, and those of layers whose `card` has a "
                "kind for each key. Pass one array of the dictionary, or leave "
                "the layer out (`where` selects layers). "
                f"Received: {argument}={received}"
            )
        if kinds == "unknown":
            kinds = _guess(
                arrays, data_formats.resolve_data_format(data_format)
            )
        size = getattr(path, "size", None)
        found.extend(_split(str(path), kinds, arrays, owner, data_format, size))
    return found


def _arrays(values: Any) -> Any:
    """Return values as NumPy arrays; other objects are left as they are."""
    if isinstance(values, Mapping):
        return {key: _arrays(value) for key, value in values.items()}
    is_symbolic = isinstance(values, keras.KerasTensor)
    if isinstance(values, np.ndarray) or is_symbolic:
        return values
    return _hooks.to_numpy(values) if hasattr(values, "dtype") else values


def _described(values: Any) -> Any:
    """Return values with the shapes of arrays in place of the arrays."""
    if isinstance(values, Mapping):
        return {key: _described(value) for key, value in values.items()}
    return validation.described(values)


def _has_structure(arrays: Any, kinds: Any) -> bool:
    """Return whether arrays are one array or a dictionary, as kinds are."""
    if isinstance(kinds, str):
        return isinstance(arrays, np.ndarray)
    return (
        kinds is not None
        and isinstance(arrays, dict)
        and bool(arrays)
        and arrays.keys() <= kinds.keys()
        and all(isinstance(array, np.ndarray) for array in arrays.values())
    )


def _kinds_of_layer(layer) -> Any:
    """Return the kind of attention of a layer, or of each entry by key."""
    while isinstance(layer, IdentityStart):
        layer = layer.layer
    card = card_of(layer)
    return card.attention if card else None


def _kinds_of_keys(arrays) -> Any:
    """Return the kinds of a dictionary with the keys of a known layer."""
    if not isinstance(arrays, Mapping):
        return "unknown"
    for keys, kinds in _KINDS_BY_KEYS.items():
        # The mask of a deformable convolution may be missing.
        if set(arrays) in (set(keys), set(keys) - {"mask"}):
            return kinds
    return None


def _known_keys() -> str:
    """Return the keys of dictionaries of known layers, for errors."""
    return ", ".join(" and ".join(map(repr, keys)) for keys in _KINDS_BY_KEYS)


def _guess(values: np.ndarray, data_format: str) -> str:
    """Return the kind of attention of an unknown layer, by its shape."""
    rank, shape = values.ndim, values.shape
    if rank == 6 and shape[-1] == 2:
        return "locations"
    if rank == 5 and shape[-1] == 2:
        return "pixel offsets"
    if rank == 3 and np.allclose(values.sum(1), 1, atol=1e-2):
        return "branches"
    if rank == 3 and shape[-1] == 2 and np.abs(values).max() <= 1:
        return "glimpses"
    is_square = rank == 3 and shape[1] == shape[2]
    if is_square and np.allclose(values.sum(2), 1, atol=1e-2):
        return "position pairs"
    if rank == 3:
        return "gradient"
    if rank == 4 and shape[-1] == 2 and values.min() < 0:
        return "grid"
    if rank == 4:
        _, height, width, channels = data_formats.shape_to_channels_last(
            shape, data_format
        )
        if height == width == 1:
            return "channel"
        return "spatial" if channels == 1 else "mixed"
    raise ValueError(
        "`attention` must be the result of `attention_maps`, of `grad_cam` or "
        "of a layer's `attention`; pass the layer as `layer`. "
        f"Received: attention=array of shape {shape}"
    )


def _split(
    path, kinds, values, layer, data_format, size
) -> list[AttentionRecord]:
    """Return the records of one layer, with the channels last."""
    data_format = getattr(layer, "data_format", None) or (
        data_formats.resolve_data_format(data_format)
    )
    if isinstance(kinds, str):
        kinds, values = {"": kinds}, {"": values}
    values = {
        key: _to_channels_last(array, kinds[key], data_format)
        for key, array in values.items()
    }
    found = []
    for kind, names in _TOGETHER.items():
        keys = {n: k for k in values for n in [names.get(kinds[k])] if n}
        first, second = names.values()
        if first not in keys or (kind in _BOTH and second not in keys):
            continue
        parts = {name: values.pop(key) for name, key in keys.items()}
        found.append(AttentionRecord(path, kind, parts, layer, path, size))
    for key, array in values.items():
        name = f"{path} {key}".rstrip()
        kind, array = _alone(kinds[key], array)
        found.append(AttentionRecord(name, kind, array, layer, path, size))
    return found


def _alone(kind: str, values: np.ndarray) -> tuple[str, np.ndarray]:
    """Return kind and values as they are plotted without other entries."""
    if kind == "saliency":
        return "spatial", values[..., None]
    return (
        "grouped" if kind in ("kernel weights", "group weights") else kind
    ), values


def _to_channels_last(x: np.ndarray, kind: str, data_format: str) -> np.ndarray:
    if data_format == "channels_first" and kind in _WITH_CHANNELS:
        return np.moveaxis(x, 1, -1)
    if data_format == "channels_first" and kind == "pixel offsets":
        return np.moveaxis(x, 1, 3)
    return x
