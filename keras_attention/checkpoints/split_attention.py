"""Key maps of split attention."""

from keras_attention.checkpoints._axis_order import CONVOLUTION
from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._key_map import batch_norm
from keras_attention.checkpoints._key_map import linear

_KEY_MAP = {
    "conv.weight": ("splits.conv.kernel", CONVOLUTION),
    **batch_norm("bn0", "splits.norm"),
    **linear("fc1", "squeeze", POINTWISE),
    **batch_norm("bn1", "squeeze_norm"),
    **linear("fc2", "select", POINTWISE),
}
SPLIT_ATTENTION_KEY_MAPS = {"official": _KEY_MAP, "timm": _KEY_MAP}
