"""The names of published weights of whole networks.

What a reference calls a layer follows from what the layer is called here, and
from its class: so a network's layout needs nothing but its layers, and a model
that was saved, or that is a part of another, has one too.
"""

import re
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from keras_attention.checkpoints._kinds import CONVOLUTION
from keras_attention.checkpoints._parts import Layout
from keras_attention.checkpoints._parts import batch_norm
from keras_attention.checkpoints._parts import linear
from keras_attention.checkpoints._parts import unused
from keras_attention.checkpoints._parts import within
from keras_attention.checkpoints._targets import weights_by_path

# Names of layers as `keras_attention.models` gives them.
_IN_BLOCK = re.compile(r"stage(\d+)_block(\d+)_(\w+)")
_CLASSIFIER = "predictions"


@dataclass(frozen=True)
class Names:
    """How a reference names the layers of a network.

    Attributes:
        layout: The identifier of the layout.
        outside: Names of the layers outside blocks, by their names here.
        block: What comes before a name in a block: a format of `stage` and
            `block`, counted from 1, `group`, one more than `stage`, as many
            count the stem, and `index`, one less than `block`.
        inside: Names of the layers in blocks, by how their names end here. Of
            an attention layer it is what comes before the names in it.
        attention_layout: The layout of the attention layers, if it is another.
        pool: Which way of pooling its stem has, where networks of other names
            are alike in their weights, but not in what they compute.
        scaled: Whether what follows a batch norm is a layer of its own.
    """

    layout: str
    outside: Mapping[str, str]
    block: str
    inside: Mapping[str, str]
    attention_layout: str = ""
    pool: str = ""
    scaled: bool = False

    def of(self, name: str) -> str | None:
        """Return what the reference calls a layer, if anything."""
        place = _IN_BLOCK.fullmatch(name)
        if place is None:
            return self.outside.get(name)
        inside = self.inside.get(place[3])
        if inside is None:
            return None
        stage, block = int(place[1]), int(place[2])
        numbers = {"stage": stage, "group": stage + 1}
        numbers |= {"block": block, "index": block - 1}
        return self.block.format(**numbers) + inside


_CONVS = {f"conv{number}": f"conv{number}" for number in (1, 2, 3)}
_NORMS = {f"norm{number}": f"bn{number}" for number in (1, 2, 3)}
_SHORTCUT = {"shortcut_conv": "downsample.0", "shortcut_norm": "downsample.1"}
_IN_TORCH_BLOCK = _CONVS | _NORMS | _SHORTCUT
_OUTSIDE_TORCH = {
    "stem_conv1": "conv1",
    "stem_norm1": "bn1",
    _CLASSIFIER: "fc",
}
_TORCH_BLOCK = "layer{stage}.{index}."
_CAFFE = {
    "stem_conv1": "conv1/7x7_s2",
    "stem_norm1": "conv1/7x7_s2/bn",
    _CLASSIFIER: "classifier",
}


def _caffe(*middle: str) -> dict[str, str]:
    """Return the names of the convolutions and norms in a block of Caffe's."""
    numbers = ("1", "2", "3") if middle else ("1", "3")
    places = ("1x1_reduce", *middle, "1x1_increase")
    pairs = [
        (f"conv{number}", f"norm{number}", place)
        for number, place in zip(numbers, places, strict=True)
    ]
    pairs.append(("shortcut_conv", "shortcut_norm", "1x1_proj"))
    convs = {conv: place for conv, _, place in pairs}
    norms = {norm: f"{place}/bn" for _, norm, place in pairs}
    return convs | norms


NAMES = (
    Names(
        "timm_legacy",
        {
            **{f"stem_conv{n}": f"layer0.conv{n}" for n in (1, 2, 3)},
            **{f"stem_norm{n}": f"layer0.bn{n}" for n in (1, 2, 3)},
            _CLASSIFIER: "last_linear",
        },
        _TORCH_BLOCK,
        _IN_TORCH_BLOCK | {"se": "se_module."},
        attention_layout="timm",
        pool="ceil",
    ),
    Names(
        "caffe",
        _CAFFE,
        "conv{group}_{block}_",
        _caffe("3x3") | {"se": ""},
        pool="ceil",
        scaled=True,
    ),
    Names(
        "timm",
        _OUTSIDE_TORCH,
        _TORCH_BLOCK,
        _IN_TORCH_BLOCK | {"se": "se.", "cbam": "se."},
        pool="pad",
    ),
    Names(
        "timm",
        _OUTSIDE_TORCH,
        _TORCH_BLOCK,
        {
            **{f"conv{n}": f"conv{n}.conv" for n in (1, 2, 3)},
            **{f"norm{n}": f"conv{n}.bn" for n in (1, 2, 3)},
            **{f"sk{n}": f"conv{n}." for n in (1, 2)},
            **_SHORTCUT,
        },
    ),
    Names(
        "caffe",
        _CAFFE,
        "conv{group}_{block}/",
        _caffe() | {"sk2": ""},
    ),
    Names(
        "senet.pytorch",
        _OUTSIDE_TORCH,
        _TORCH_BLOCK,
        _IN_TORCH_BLOCK | {"se": "se."},
        pool="pad",
    ),
    # GCT
    Names(
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
    # AFF and iAFF in ResNet-50-D, by the names that timm gives to its layers.
    # It precedes the next entry, which wins for a stem of one convolution.
    Names(
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
    # CBAM, SGE, and AFF and iAFF in ResNet-50
    Names(
        "official",
        _OUTSIDE_TORCH,
        _TORCH_BLOCK,
        _IN_TORCH_BLOCK
        | {"cbam": "cbam.", "sge": "sge.", "fusion": "fuse_mode."},
    ),
)


def network_layouts(
    model: keras.Model, layouts_of: Callable[[Any], Mapping[str, Layout]]
) -> dict[str, Layout]:
    """Return the layouts that have names for the most weights of a network.

    There is none if that is not the greater part of them.

    Args:
        model: The network.
        layouts_of: A function from an attention layer to its layouts.
    """
    weights = weights_by_path(model)
    pool = _pool(model)
    fitting: dict[str, Layout] = {}
    most = len(weights) // 2 + 1
    for names in NAMES:
        if names.pool not in ("", pool):
            continue
        layout = _layout(names, model, layouts_of)
        named = len({path for path, _ in layout.values()} & weights.keys())
        if named > most:
            fitting, most = {}, named
        if named == most:
            fitting[names.layout] = layout
    return fitting


def _pool(model: keras.Model) -> str:
    """Return how the stem of a network ends: see `Parts.halve`."""
    for layer in model.layers:
        if layer.name == "stem_pool_pad":
            return "ceil" if layer.padding[0][0] == 0 else "pad"
    return ""


def _layout(
    names: Names,
    model: keras.Model,
    layouts_of: Callable[[Any], Mapping[str, Layout]],
) -> Layout:
    """Return the layout of the layers that the reference has a name for."""
    layout: Layout = {}
    for layer in model.layers:
        reference = names.of(layer.name)
        if layer.weights and reference is not None:
            layout |= _layout_of_layer(names, reference, layer, layouts_of)
    # Without the classifier its weights are of no use.
    classifier = unused(linear(names.outside[_CLASSIFIER], _CLASSIFIER))
    return layout | {n: classifier[n] for n in classifier if n not in layout}


def _layout_of_layer(
    names: Names,
    reference: str,
    layer: keras.layers.Layer,
    layouts_of: Callable[[Any], Mapping[str, Layout]],
) -> Layout:
    """Return the layout of one layer by the reference's name for it."""
    if isinstance(layer, keras.layers.Conv2D):
        kernel = (f"{layer.name}.kernel", CONVOLUTION)
        return {f"{reference}.weight": kernel}
    if isinstance(layer, keras.layers.BatchNormalization):
        layout = batch_norm(reference, layer.name)
        if names.scaled:
            # Caffe normalises in one layer, and scales and shifts in the next.
            for kind in ("weight", "bias"):
                entry = layout.pop(f"{reference}.{kind}")
                layout[f"{reference}/scale.{kind}"] = entry
        return layout
    if isinstance(layer, keras.layers.Dense):
        return linear(reference, layer.name)
    inner = layouts_of(layer).get(names.attention_layout or names.layout, {})
    return within(reference, layer.name, inner)
