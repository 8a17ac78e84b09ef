"""Loading and exporting published weights."""

from keras_attention.checkpoints.export_reference_weights import (
    export_reference_weights,
)
from keras_attention.checkpoints.load_reference_weights import (
    load_reference_weights,
)

__all__ = ["export_reference_weights", "load_reference_weights"]
