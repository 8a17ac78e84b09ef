"""Key maps of external attention."""

from keras_attention.checkpoints._axis_order import LINEAR
from keras_attention.checkpoints._axis_order import POINTWISE
from keras_attention.checkpoints._axis_order import POINTWISE_1D
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import batch_norm
from keras_attention.checkpoints._key_map import linear
from keras_attention.self_attention import ExternalAttention


def external_attention_key_maps(
    target: ExternalAttention,
) -> dict[str, KeyMap]:
    """Return the key maps for a target with or without projections."""
    memories: KeyMap = {
        "linear_0.weight": ("memory_key.kernel", POINTWISE_1D),
        "linear_1.weight": ("memory_value.kernel", POINTWISE_1D),
    }
    if not target.use_projection:
        return {
            "official": memories,
            "external-attention-pytorch": {
                "mk.weight": ("memory_key.kernel", LINEAR),
                "mv.weight": ("memory_value.kernel", LINEAR),
            },
        }
    return {
        "official": memories
        | linear("conv1", "project", POINTWISE)
        | {"conv2.0.weight": ("expand.kernel", POINTWISE)}
        | batch_norm("conv2.1", "norm")
    }
