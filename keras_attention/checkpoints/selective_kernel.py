"""Key maps of selective kernels."""

from keras_attention.checkpoints._axis_order import CONVOLUTION
from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._axis_order import VECTOR
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import batch_norm
from keras_attention.checkpoints._key_map import linear
from keras_attention.checkpoints._key_map import piece_of
from keras_attention.fusion import SelectiveKernel

# Two paths of 32 groups, as in the authors' networks.
_CAFFE = {
    "3x3g32.weight": ("path_0.conv.kernel", CONVOLUTION),
    **batch_norm("3x3g32/bn", "path_0.norm"),
    "3x3g32d2.weight": ("path_1.conv.kernel", CONVOLUTION),
    **batch_norm("3x3g32d2/bn", "path_1.norm"),
    **linear("B_fc1", "squeeze", POINTWISE),
    **batch_norm("B_fc1/bn", "squeeze_norm"),
    **linear("B_fc2", "select", POINTWISE),
}


def selective_kernel_key_maps(target: SelectiveKernel) -> dict[str, KeyMap]:
    """Return the key maps for a target with this number of paths."""
    timm = (
        linear("attn.fc_reduce", "squeeze", POINTWISE)
        | batch_norm("attn.bn", "squeeze_norm")
        | linear("attn.fc_select", "select", POINTWISE)
    )
    snippet = linear("compress.0", "squeeze") | batch_norm(
        "compress.1", "squeeze_norm"
    )
    for index in range(target.paths):
        path = f"path_{index}"
        timm |= {
            f"paths.{index}.conv.weight": (f"{path}.conv.kernel", CONVOLUTION),
            **batch_norm(f"paths.{index}.bn", f"{path}.norm"),
        }
        snippet |= (
            {
                f"convs.{index}.0.weight": (f"{path}.conv.kernel", CONVOLUTION),
                f"convs.{index}.0.bias": (f"{path}.bias", VECTOR),
            }
            | batch_norm(f"convs.{index}.1", f"{path}.norm")
            | piece_of(
                target.paths,
                linear(f"projections.{index}", "select", POINTWISE),
            )
        )
    key_maps = {"timm": timm, "selective-kernel-conv": snippet}
    if target.paths == 2:
        key_maps["caffe"] = _CAFFE
    return key_maps
