"""The names of published selective kernel weights."""

from keras_attention.checkpoints._kinds import CONVOLUTION
from keras_attention.checkpoints._kinds import POINTWISE
from keras_attention.checkpoints._kinds import VECTOR
from keras_attention.checkpoints._parts import Layout
from keras_attention.checkpoints._parts import batch_norm
from keras_attention.checkpoints._parts import linear
from keras_attention.checkpoints._parts import one_of
from keras_attention.fusion import SelectiveKernel

# Of two paths, 32 groups each, as the authors' networks have them.
_CAFFE = {
    "3x3g32.weight": ("path_0.conv.kernel", CONVOLUTION),
    **batch_norm("3x3g32/bn", "path_0.norm"),
    "3x3g32d2.weight": ("path_1.conv.kernel", CONVOLUTION),
    **batch_norm("3x3g32d2/bn", "path_1.norm"),
    **linear("B_fc1", "squeeze", POINTWISE),
    **batch_norm("B_fc1/bn", "squeeze_norm"),
    **linear("B_fc2", "select", POINTWISE),
}


def selective_kernel_layouts(target: SelectiveKernel) -> dict[str, Layout]:
    """Return the layouts for a target, of so many paths as it has."""
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
            | one_of(
                target.paths,
                linear(f"projections.{index}", "select", POINTWISE),
            )
        )
    layouts = {"timm": timm, "selective-kernel-conv": snippet}
    if target.paths == 2:
        layouts["caffe"] = _CAFFE
    return layouts
