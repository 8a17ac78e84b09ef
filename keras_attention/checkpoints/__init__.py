"""Published weights: reading them into the layers of this package."""

from keras_attention.checkpoints.load_reference_weights import (
    load_reference_weights,
)

__all__ = ["load_reference_weights"]
