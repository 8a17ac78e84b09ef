"""Key maps of gather-excite."""

from keras_attention.channel import GatherExcite
from keras_attention.checkpoints._axis_order import CONVOLUTION
from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import batch_norm
from keras_attention.checkpoints._key_map import linear

# The layout of layers with the extent of the whole map, as in the authors'
# networks.
_CAFFE = {
    "gather.weight": ("kernel", CONVOLUTION),
    **batch_norm("gather/bn", "gather_norm"),
    **linear("excite/1x1_down", "reduce", POINTWISE),
    **linear("excite/1x1_up", "expand", POINTWISE),
}


def gather_excite_key_maps(target: GatherExcite) -> dict[str, KeyMap]:
    """Return the key maps for a target of this extent."""
    timm = linear("mlp.fc1", "reduce", POINTWISE) | linear(
        "mlp.fc2", "expand", POINTWISE
    )
    if target.extent == 0:
        timm |= {
            "gather.conv1.weight": ("kernel", CONVOLUTION),
            **batch_norm("gather.norm1", "gather_norm"),
        }
        return {"timm": timm, "caffe": _CAFFE}
    for index in range(target.extent.bit_length() - 1):
        path = f"gather_{index}"
        timm |= {
            f"gather.conv{index + 1}.weight": (
                f"{path}.conv.kernel",
                CONVOLUTION,
            ),
            **batch_norm(f"gather.norm{index + 1}", f"{path}.norm"),
        }
    return {"timm": timm}
