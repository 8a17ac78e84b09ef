"""The names of the layers of networks in published layouts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

# Names of layers in `keras_attention.models`.
_NAME_IN_BLOCK = re.compile(r"stage(\d+)_block(\d+)_(\w+)")
CLASSIFIER = "predictions"


@dataclass(frozen=True)
class NetworkNames:
    """The names of the layers of a network in a published layout.

    Attributes:
        layout: The identifier of the layout.
        outside_blocks: Published names of the layers outside blocks, by their
            names here.
        block_prefix: The published prefix of the names in a block, as a format
            string: `stage` and `block` count from 1, `group` counts the stem
            as 1 and the first stage as 2, and `index` and `stage_index` are
            the block and the stage from 0.
        in_blocks: Published names of the layers in blocks, by the last part of
            their names in this package. For an attention layer it is the prefix
            of the names of its weights.
        attention_layout: The layout of the attention layers, if it is another.
        pool_padding: The padding of the pooling in the stem (see
            `NetworkLayers.max_pool`), or `"none"` if there is no pooling. It
            distinguishes networks that have weights of the same names and
            shapes, but compute other outputs.
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
        numbers |= {"stage_index": stage - 1}
        return self.block_prefix.format(**numbers) + published


_CONVS = {f"conv{number}": f"conv{number}" for number in (1, 2, 3)}
_NORMS = {f"norm{number}": f"bn{number}" for number in (1, 2, 3)}
_SHORTCUT = {"shortcut_conv": "downsample.0", "shortcut_norm": "downsample.1"}
_IN_TORCH_BLOCKS = _CONVS | _NORMS | _SHORTCUT
_OUTSIDE_TORCH_BLOCKS = {
    "stem_conv1": "conv1",
    "stem_norm1": "bn1",
    CLASSIFIER: "fc",
}
_TORCH_BLOCK = "layer{stage}.{index}."
# Names in networks with a stem of three convolutions and average pooling in the
# shortcuts, ResNet-D of timm.
_OUTSIDE_DEEP_BLOCKS = {
    "stem_conv1": "conv1.0",
    "stem_norm1": "conv1.1",
    "stem_conv2": "conv1.3",
    "stem_norm2": "conv1.4",
    "stem_conv3": "conv1.6",
    "stem_norm3": "bn1",
    CLASSIFIER: "fc",
}
_IN_DEEP_BLOCKS = {
    **_CONVS,
    **_NORMS,
    "shortcut_conv": "downsample.1",
    "shortcut_norm": "downsample.2",
}
# Whatever the attention of a block of timm is, it is called `se`.
_TIMM_ATTENTION = dict.fromkeys(
    ("se", "cbam", "eca", "coord", "attention"), "se."
)
_IN_BYOB_BLOCKS = ((1, "conv1_1x1"), (2, "conv2_kxk"), (3, "conv3_1x1"))
_OUTSIDE_CAFFE_BLOCKS = {
    "stem_conv1": "conv1/7x7_s2",
    "stem_norm1": "conv1/7x7_s2/bn",
    CLASSIFIER: "classifier",
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
            CLASSIFIER: "last_linear",
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
    # SK. Without attention the names of ResNets count, which follow.
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
    # ECA in ResNet-D, and ResNeSt
    NetworkNames(
        "timm",
        _OUTSIDE_DEEP_BLOCKS,
        _TORCH_BLOCK,
        _IN_DEEP_BLOCKS | _TIMM_ATTENTION | {"splat2": "conv2."},
        pool_padding="both",
    ),
    # SE, CBAM, ECA and coordinate attention. This entry must follow the one
    # above: both have names for a stem of one convolution, and the last counts.
    NetworkNames(
        "timm",
        _OUTSIDE_TORCH_BLOCKS,
        _TORCH_BLOCK,
        _IN_TORCH_BLOCKS | _TIMM_ATTENTION,
        pool_padding="both",
    ),
    # GC
    NetworkNames(
        "timm",
        {
            **{f"stem_conv{n}": f"stem.conv{n}.conv" for n in (1, 2, 3)},
            **{f"stem_norm{n}": f"stem.conv{n}.bn" for n in (1, 2, 3)},
            CLASSIFIER: "head.fc",
        },
        "stages.{stage_index}.{index}.",
        {
            **{f"conv{n}": f"{name}.conv" for n, name in _IN_BYOB_BLOCKS},
            **{f"norm{n}": f"{name}.bn" for n, name in _IN_BYOB_BLOCKS},
            "shortcut_conv": "shortcut.conv",
            "shortcut_norm": "shortcut.bn",
            "gc": "attn.",
            "attention": "attn.",
        },
        pool_padding="none",
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
            CLASSIFIER: "fc",
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
    # AFF and iAFF in ResNet-50-D, whose layers have the names of timm, and
    # ResNeSt.
    NetworkNames(
        "official",
        _OUTSIDE_DEEP_BLOCKS,
        _TORCH_BLOCK,
        _IN_DEEP_BLOCKS | {"fusion": "fuse_mode.", "splat2": "conv2."},
    ),
    # CBAM, SGE, ECA, BAM, and AFF and iAFF in ResNet-50. This entry, too, must
    # follow the one above.
    NetworkNames(
        "official",
        _OUTSIDE_TORCH_BLOCKS
        | {f"stage{n}_bam": f"bam{n}." for n in (1, 2, 3)},
        _TORCH_BLOCK,
        _IN_TORCH_BLOCKS
        | {"cbam": "cbam.", "sge": "sge.", "eca": "eca."}
        | {"fusion": "fuse_mode."},
    ),
)
