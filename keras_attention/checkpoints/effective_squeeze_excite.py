"""Key maps of effective squeeze-and-excitation."""

from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._key_map import linear

# The bias is expected where the target has it.
EFFECTIVE_SQUEEZE_EXCITE_KEY_MAPS = {
    "official": linear("fc", "gate", POINTWISE),
    "timm": linear("fc", "gate", POINTWISE),
    "paddleclas": linear("conv", "gate", POINTWISE),
}
