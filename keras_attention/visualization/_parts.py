"""What kind of attention a layer has, in one layout."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_attention import _axes
from keras_attention import channel
from keras_attention import fusion
from keras_attention import hard
from keras_attention import mixed
from keras_attention import spatial
from keras_attention.surgery import IdentityStart
from keras_attention.visualization import _watch

# What `attention` of a layer is. Maps have the channels last.
KINDS: dict[type, str] = {
    channel.SqueezeExcite: "gates",  # (B, 1, 1, C)
    channel.GatedChannelTransform: "gates",
    channel.ChannelAttention: "gates",
    channel.MultiScaleChannelAttention: "mask",  # (B, H, W, C)
    mixed.ResidualAttention: "mask",
    mixed.CBAM: "both",  # {"channel": gates, "spatial": heat}
    spatial.SpatialAttention: "heat",  # (B, H, W, groups)
    spatial.SpatialGroupEnhance: "heat",
    spatial.SpatialTransformer: "grid",  # (B, H, W, 2)
    spatial.DeformableConv2D: "taps",  # {"offsets": ..., "mask": ...}
    spatial.ConvOffset2D: "shifts",  # (B, H, W, C, 2)
    fusion.SelectiveKernel: "branches",  # (B, paths, C)
    fusion.AttentionalFeatureFusion: "fusion",  # (B, H, W, C), of `x`
    fusion.IterativeAttentionalFeatureFusion: "fusion",
    hard.RecurrentAttention: "glimpses",  # (B, T, 2)
    hard.DynamicCapacityNetwork: "patches",  # {"saliency", "positions"}
}
_WITH_CHANNELS = {"gates", "mask", "both", "heat", "taps", "fusion"}
_KEYS = {
    frozenset({"channel", "spatial"}): "both",
    frozenset({"offsets"}): "taps",
    frozenset({"offsets", "mask"}): "taps",
    frozenset({"saliency", "positions"}): "patches",
}


@dataclasses.dataclass(frozen=True)
class Part:
    """The attention of one layer, all maps with the channels last.

    Attributes:
        name: The path of the layer, or what else there is to call it.
        kind: One of the values of `KINDS`, or `"gradient"`.
        values: One array, or those of a dictionary.
        layer: Whose it is, if that is known.
    """

    name: str
    kind: str
    values: Any
    layer: Any = None

    @property
    def count(self) -> int:
        """How many samples there are."""
        return len(keras.tree.flatten(self.values)[0])


def parts(
    attention: Any, layer: keras.layers.Layer | None, data_format: str | None
) -> list[Part]:
    """Return what there is to draw, of one layer or of many by path."""
    by_path = attention
    if not isinstance(attention, Mapping) or frozenset(attention) in _KEYS:
        by_path = {"attention" if layer is None else layer.name: attention}
    found = []
    for path, values in by_path.items():
        owner = getattr(path, "layer", layer)
        values = keras.tree.map_structure(_array, values)
        kind = getattr(path, "measure", "attention")
        if kind == "attention":
            kind = _kind(values, owner, data_format)
        found.extend(_split(str(path), kind, values, owner, data_format))
    return found


def _array(x: Any) -> np.ndarray:
    return np.asarray(x) if isinstance(x, np.ndarray) else _watch.to_numpy(x)


def _kind(values, layer, data_format) -> str:
    while isinstance(layer, IdentityStart):
        layer = layer.layer
    for owner, kind in KINDS.items():
        if isinstance(layer, owner):
            return kind
    if isinstance(values, dict):
        return _KEYS[frozenset(values)]
    return _guess(values, _axes.resolve_data_format(data_format))


def _guess(values: np.ndarray, data_format: str) -> str:
    """Return what an array of nobody knows which layer looks like."""
    rank, shape = values.ndim, values.shape
    if rank == 5 and shape[-1] == 2:
        return "shifts"
    if rank == 3 and np.allclose(values.sum(1), 1, atol=1e-2):
        return "branches"
    if rank == 3 and shape[-1] == 2 and np.abs(values).max() <= 1:
        return "glimpses"
    if rank == 3:
        return "gradient"
    if rank == 4 and shape[-1] == 2 and values.min() < 0:
        return "grid"
    if rank == 4:
        _, height, width, channels = _axes.shape_to_last(shape, data_format)
        if height == width == 1:
            return "gates"
        return "heat" if channels == 1 else "mask"
    raise ValueError(
        "`attention` must be what `attention_maps`, `grad_cam` or a "
        "layer's `attention` returned; `layer` says whose it is. "
        f"Received: attention of shape {shape}"
    )


def _split(path, kind, values, layer, data_format) -> list[Part]:
    """Return the parts of one attention, in one layout."""
    layout = getattr(layer, "data_format", None)
    layout = layout or _axes.resolve_data_format(data_format)
    if kind in _WITH_CHANNELS:
        values = keras.tree.map_structure(
            lambda x: _channels_last(x, layout), values
        )
    if kind == "shifts" and layout == "channels_first":
        values = np.moveaxis(values, 1, 3)
    if kind != "both":
        return [Part(path, kind, values, layer)]
    return [
        Part(f"{path} channel", "gates", values["channel"], layer),
        Part(f"{path} spatial", "heat", values["spatial"], layer),
    ]


def _channels_last(x: np.ndarray, layout: str) -> np.ndarray:
    return np.moveaxis(x, 1, -1) if layout == "channels_first" else x
