"""Attention arrays with their kind, which decides how they are plotted."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_attention import channel
from keras_attention import fusion
from keras_attention import hard
from keras_attention import mixed
from keras_attention import spatial
from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention.mixed import IdentityStart
from keras_attention.visualization import _hooks
from keras_attention.visualization._path import LayerPath

# The kind of attention of each layer. Maps have the channels last.
KINDS: dict[type, str] = {
    channel.SqueezeExcite: "gates",  # (B, 1, 1, C)
    channel.GatedChannelTransform: "gates",
    channel.ChannelAttention: "gates",
    mixed.MultiScaleChannelAttention: "mask",  # (B, H, W, C)
    mixed.ResidualAttention: "mask",
    mixed.CBAM: "gates and heatmap",  # {"channel": ..., "spatial": ...}
    spatial.SpatialAttention: "heatmap",  # (B, H, W, groups)
    spatial.SpatialGroupEnhance: "heatmap",
    spatial.SpatialTransformer: "grid",  # (B, H, W, 2)
    spatial.DeformableConv2D: "kernel offsets",  # {"offsets", "mask"}
    spatial.ConvOffset2D: "pixel offsets",  # (B, H, W, C, 2)
    fusion.SelectiveKernel: "branches",  # (B, branches, C)
    fusion.AttentionalFeatureFusion: "fusion",  # (B, H, W, C), of `x`
    fusion.IterativeAttentionalFeatureFusion: "fusion",
    hard.RecurrentAttention: "glimpses",  # (B, T, 2)
    hard.DynamicCapacityNetwork: "patches",  # {"saliency", "positions"}
}
_WITH_CHANNELS = {
    "gates",
    "mask",
    "gates and heatmap",
    "heatmap",
    "kernel offsets",
    "fusion",
}
# The keys of attention that is a dictionary. All other kinds are one array.
_KEYS = {
    frozenset({"channel", "spatial"}): "gates and heatmap",
    frozenset({"offsets"}): "kernel offsets",
    frozenset({"offsets", "mask"}): "kernel offsets",
    frozenset({"saliency", "positions"}): "patches",
}


@dataclasses.dataclass(frozen=True)
class AttentionRecord:
    """Attention of one layer, to be plotted, with the channels last.

    Attributes:
        name: The path of the layer, or another name for it.
        kind: One of the values of `KINDS`, or `"gradient"`.
        values: One array, or a dictionary of arrays.
        layer: The layer, or `None` if it is not known.
    """

    name: str
    kind: str
    values: Any
    layer: Any = None

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
    if isinstance(attention, Mapping) and frozenset(attention) not in _KEYS:
        has_paths = any(isinstance(key, LayerPath) for key in attention)
        if layer is None or has_paths or not attention:
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
        kind = getattr(path, "measure", "attention")
        if kind == "attention":
            kind = _kind_of_layer(owner) or _kind_of_keys(arrays)
        if kind is None or not _has_structure(arrays, kind):
            received = {str(path): _described(values)}
            raise ValueError(
                f"`{argument}` must be an array for each layer, or a "
                "dictionary of arrays with the keys 'channel' and 'spatial', "
                "'offsets' and 'mask', or 'saliency' and 'positions'. Pass one "
                "array of the dictionary, or leave the layer out (`where` "
                f"selects layers). Received: {argument}={received}"
            )
        if kind == "unknown":
            kind = _guess(arrays, data_formats.resolve_data_format(data_format))
        found.extend(_split(str(path), kind, arrays, owner, data_format))
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


def _has_structure(arrays: Any, kind: str) -> bool:
    """Return whether arrays are one array or a dictionary, as a kind is."""
    if kind not in _KEYS.values():
        return isinstance(arrays, np.ndarray)
    return (
        isinstance(arrays, dict)
        and _KEYS.get(frozenset(arrays)) == kind
        and all(isinstance(array, np.ndarray) for array in arrays.values())
    )


def _kind_of_layer(layer) -> str | None:
    while isinstance(layer, IdentityStart):
        layer = layer.layer
    for cls, kind in KINDS.items():
        if isinstance(layer, cls):
            return kind
    return None


def _kind_of_keys(arrays) -> str | None:
    if isinstance(arrays, dict):
        return _KEYS.get(frozenset(arrays))
    return "unknown"


def _guess(values: np.ndarray, data_format: str) -> str:
    """Return the kind of attention of an unknown layer, by its shape."""
    rank, shape = values.ndim, values.shape
    if rank == 5 and shape[-1] == 2:
        return "pixel offsets"
    if rank == 3 and np.allclose(values.sum(1), 1, atol=1e-2):
        return "branches"
    if rank == 3 and shape[-1] == 2 and np.abs(values).max() <= 1:
        return "glimpses"
    if rank == 3:
        return "gradient"
    if rank == 4 and shape[-1] == 2 and values.min() < 0:
        return "grid"
    if rank == 4:
        _, height, width, channels = data_formats.shape_to_channels_last(
            shape, data_format
        )
        if height == width == 1:
            return "gates"
        return "heatmap" if channels == 1 else "mask"
    raise ValueError(
        "`attention` must be the result of `attention_maps`, of `grad_cam` or "
        "of a layer's `attention`; pass the layer as `layer`. "
        f"Received: attention=array of shape {shape}"
    )


def _split(path, kind, values, layer, data_format) -> list[AttentionRecord]:
    """Return the records of one layer, with the channels last."""
    data_format = getattr(layer, "data_format", None) or (
        data_formats.resolve_data_format(data_format)
    )
    if kind in _WITH_CHANNELS:
        values = keras.tree.map_structure(
            lambda x: _channels_last(x, data_format), values
        )
    if kind == "pixel offsets" and data_format == "channels_first":
        values = np.moveaxis(values, 1, 3)
    if kind != "gates and heatmap":
        return [AttentionRecord(path, kind, values, layer)]
    return [
        AttentionRecord(f"{path} channel", "gates", values["channel"], layer),
        AttentionRecord(f"{path} spatial", "heatmap", values["spatial"], layer),
    ]


def _channels_last(x: np.ndarray, data_format: str) -> np.ndarray:
    return np.moveaxis(x, 1, -1) if data_format == "channels_first" else x
