"""Key maps of double attention."""

from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import linear

_SHARED: KeyMap = (
    linear("convA", "feature", POINTWISE)
    | linear("convB", "gather", POINTWISE)
    | linear("convV", "distribute", POINTWISE)
)
DOUBLE_ATTENTION_KEY_MAPS: dict[str, KeyMap] = {
    "external-attention-pytorch": _SHARED
    | linear("conv_reconstruct", "expand", POINTWISE),
    "pytorch-attention": _SHARED | linear("proj", "expand", POINTWISE),
}
