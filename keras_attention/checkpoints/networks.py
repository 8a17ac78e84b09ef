"""Key maps of whole networks.

The published name of a layer follows from its name and class here. So a key map
is made of the layers of a network alone, also of one that was loaded from a
file, or that is a part of another model.
"""

import re
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from keras_attention.checkpoints._axis_order import CONVOLUTION
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import batch_norm
from keras_attention.checkpoints._key_map import ignored
from keras_attention.checkpoints._key_map import linear
from keras_attention.checkpoints._key_map import nested
from keras_attention.checkpoints._targets import weights_by_path

# Names of layers in `keras_attention.models`.
_NAME_IN_BLOCK = re.compile(r"stage(\d+)_block(\d+)_(\w+)")
_CLASSIFIER = "predictions"


@dataclass(frozen=True)
class NetworkNames:
    """The names of the layers of a network in a published layout.

    Attributes:
        layout: The identifier of the layout.
        outside_blocks: Published names of the layers outside blocks, by their
            names here.
        block_prefix: The published prefix of the names in a block, as a format
            string: `stage` and `block` count from 1, `group` counts the stem
            as 1 and the first stage as 2, and `index` is the block from 0.
        in_blocks: Published names of the layers in blocks, by how their names
            end here. For an attention layer it is the prefix of the names of
            its weights.
        attention_layout: The layout of the attention layers, if it is another.
        pool_padding: The padding of the pooling in the stem (see
            `NetworkLayers.max_pool`). It tells networks apart that have weights
            of the same names and shapes, but compute other outputs.
        has_scale_layers: Whether batch normalization has its scale and offset
            in a second layer, as in Caffe.
    """

    layout: str
    outside_blocks: Mapping[str, str]
    block_prefix: str
    in_blocks: Mapping[str, str]
    attention_layout: str = ""
    pool_padding: str = ""
    has_scale_layers: bool = False

    def published_name(self, name: str) -> str | None:
        """Return the published name of a layer, or `None` if it has none."""
        match = _NAME_IN_BLOCK.fullmatch(name)
        if match is None:
            return self.outside_blocks.get(name)
        published = self.in_blocks.get(match[3])
        if published is None:
            return None
        stage, block = int(match[1]), int(match[2])
        numbers = {"stage": stage, "group": stage + 1}
        numbers |= {"block": block, "index": block - 1}
        return self.block_prefix.format(**numbers) + published


_CONVS = {f"conv{number}": f"conv{number}" for number in (1, 2, 3)}
_NORMS = {f"norm{number}": f"bn{number}" for number in (1, 2, 3)}
_SHORTCUT = {"shortcut_conv": "downsample.0", "shortcut_norm": "downsample.1"}
_IN_TORCH_BLOCKS = _CONVS | _NORMS | _SHORTCUT
_OUTSIDE_TORCH_BLOCKS = {
    "stem_conv1": "conv1",
    "stem_norm1": "bn1",
    _CLASSIFIER: "fc",
}
_TORCH_BLOCK = "layer{stage}.{index}."
_OUTSIDE_CAFFE_BLOCKS = {
    "stem_conv1": "conv1/7x7_s2",
    "stem_norm1": "conv1/7x7_s2/bn",
    _CLASSIFIER: "classifier",
}


def _in_caffe_blocks(*middle: str) -> dict[str, str]:
    """Return the names of convolutions and normalizations in Caffe's blocks.

    Args:
        *middle: The name of the convolution in the middle, or nothing if an
            attention layer is in its place.
    """
    numbers = ("1", "2", "3") if middle else ("1", "3")
    published = ("1x1_reduce", *middle, "1x1_increase")
    layers = [
        (f"conv{number}", f"norm{number}", name)
        for number, name in zip(numbers, published, strict=True)
    ]
    layers.append(("shortcut_conv", "shortcut_norm", "1x1_proj"))
    convs = {conv: name for conv, _, name in layers}
    norms = {norm: f"{name}/bn" for _, norm, name in layers}
    return convs | norms


NETWORK_NAMES = (
    # SE
    NetworkNames(
        "timm_legacy",
        {
            **{f"stem_conv{n}": f"layer0.conv{n}" for n in (1, 2, 3)},
            **{f"stem_norm{n}": f"layer0.bn{n}" for n in (1, 2, 3)},
            _CLASSIFIER: "last_linear",
        },
        _TORCH_BLOCK,
        _IN_TORCH_BLOCKS | {"se": "se_module."},
        attention_layout="timm",
        pool_padding="end",
    ),
    NetworkNames(
        "caffe",
        _OUTSIDE_CAFFE_BLOCKS,
        "conv{group}_{block}_",
        _in_caffe_blocks("3x3") | {"se": ""},
        pool_padding="end",
        has_scale_layers=True,
    ),
    # SE and CBAM
    NetworkNames(
        "timm",
        _OUTSIDE_TORCH_BLOCKS,
        _TORCH_BLOCK,
        _IN_TORCH_BLOCKS | {"se": "se.", "cbam": "se."},
        pool_padding="both",
    ),
    # SK
    NetworkNames(
        "timm",
        _OUTSIDE_TORCH_BLOCKS,
        _TORCH_BLOCK,
        {
            **{f"conv{n}": f"conv{n}.conv" for n in (1, 2, 3)},
            **{f"norm{n}": f"conv{n}.bn" for n in (1, 2, 3)},
            **{f"sk{n}": f"conv{n}." for n in (1, 2)},
            **_SHORTCUT,
        },
    ),
    NetworkNames(
        "caffe",
        _OUTSIDE_CAFFE_BLOCKS,
        "conv{group}_{block}/",
        _in_caffe_blocks() | {"sk2": ""},
    ),
    # SE
    NetworkNames(
        "senet.pytorch",
        _OUTSIDE_TORCH_BLOCKS,
        _TORCH_BLOCK,
        _IN_TORCH_BLOCKS | {"se": "se."},
        pool_padding="both",
    ),
    # GCT
    NetworkNames(
        "official",
        {
            "stem_gct1": "stem.conv1.0.",
            "stem_conv1": "stem.conv1.1",
            "stem_norm1": "stem.bn1",
            _CLASSIFIER: "fc",
        },
        _TORCH_BLOCK,
        {
            **{f"gct{n}": f"conv{n}.0." for n in (1, 2, 3)},
            **{f"conv{n}": f"conv{n}.1" for n in (1, 2, 3)},
            **_NORMS,
            "shortcut_gct": "downsample.0.",
            "shortcut_conv": "downsample.1",
            "shortcut_norm": "downsample.2",
        },
    ),
    # AFF and iAFF in ResNet-50-D, whose layers have the names of timm.
    NetworkNames(
        "official",
        {
            "stem_conv1": "conv1.0",
            "stem_norm1": "conv1.1",
            "stem_conv2": "conv1.3",
            "stem_norm2": "conv1.4",
            "stem_conv3": "conv1.6",
            "stem_norm3": "bn1",
            _CLASSIFIER: "fc",
        },
        _TORCH_BLOCK,
        {
            **_CONVS,
            **_NORMS,
            "shortcut_conv": "downsample.1",
            "shortcut_norm": "downsample.2",
            "fusion": "fuse_mode.",
        },
    ),
    # CBAM, SGE, and AFF and iAFF in ResNet-50. This entry must follow the one
    # above: both have names for a stem of one convolution, and the last counts.
    NetworkNames(
        "official",
        _OUTSIDE_TORCH_BLOCKS,
        _TORCH_BLOCK,
        _IN_TORCH_BLOCKS
        | {"cbam": "cbam.", "sge": "sge.", "fusion": "fuse_mode."},
    ),
)


def network_key_maps(
    model: keras.Model, key_maps_of: Callable[[Any], Mapping[str, KeyMap]]
) -> dict[str, KeyMap]:
    """Return the key maps, by layout, that have most weights of a network.

    There is none if no key map has more than half of the weights.

    Args:
        model: The network.
        key_maps_of: A function from an attention layer to its key maps.
    """
    weights = weights_by_path(model)
    pool_padding = _pool_padding(model)
    best: dict[str, KeyMap] = {}
    most = len(weights) // 2 + 1
    for names in NETWORK_NAMES:
        if names.pool_padding not in ("", pool_padding):
            continue
        key_map = _key_map(names, model, key_maps_of)
        mapped = len({path for path, _ in key_map.values()} & weights.keys())
        if mapped > most:
            best, most = {}, mapped
        if mapped == most:
            best[names.layout] = key_map
    return best


def _pool_padding(model: keras.Model) -> str:
    """Return the padding of the pooling in the stem of a network."""
    for layer in model.layers:
        if layer.name == "stem_pool_pad":
            return "end" if layer.padding[0][0] == 0 else "both"
    return ""


def _key_map(
    names: NetworkNames,
    model: keras.Model,
    key_maps_of: Callable[[Any], Mapping[str, KeyMap]],
) -> KeyMap:
    """Return the key map of the layers that have a published name."""
    key_map: KeyMap = {}
    for layer in model.layers:
        published = names.published_name(layer.name)
        if layer.weights and published is not None:
            key_map |= _key_map_of_layer(names, published, layer, key_maps_of)
    # A network without a classifier ignores the published one.
    classifier = ignored(linear(names.outside_blocks[_CLASSIFIER], _CLASSIFIER))
    return key_map | {
        name: entry for name, entry in classifier.items() if name not in key_map
    }


def _key_map_of_layer(
    names: NetworkNames,
    published: str,
    layer: keras.layers.Layer,
    key_maps_of: Callable[[Any], Mapping[str, KeyMap]],
) -> KeyMap:
    """Return the key map of one layer, given its published name."""
    if isinstance(layer, keras.layers.Conv2D):
        return {f"{published}.weight": (f"{layer.name}.kernel", CONVOLUTION)}
    if isinstance(layer, keras.layers.BatchNormalization):
        key_map = batch_norm(published, layer.name)
        if names.has_scale_layers:
            for kind in ("weight", "bias"):
                entry = key_map.pop(f"{published}.{kind}")
                key_map[f"{published}/scale.{kind}"] = entry
        return key_map
    if isinstance(layer, keras.layers.Dense):
        return linear(published, layer.name)
    layout = names.attention_layout or names.layout
    return nested(published, layer.name, key_maps_of(layer).get(layout, {}))
