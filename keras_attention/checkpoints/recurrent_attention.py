"""Key maps of recurrent attention models."""

from dataclasses import dataclass

import numpy as np

from keras_attention.checkpoints._axis_order import LINEAR
from keras_attention.checkpoints._axis_order import AxisOrder
from keras_attention.checkpoints._key_map import KeyMap
from keras_attention.checkpoints._key_map import linear
from keras_attention.checkpoints._key_map import nested
from keras_attention.hard import GlimpseNetwork
from keras_attention.hard import RecurrentAttention

_LAYOUT = "recurrent-visual-attention"


@dataclass(frozen=True)
class _GlimpseKernel(AxisOrder):
    """The kernel of a linear layer on glimpses, which are flattened.

    PyTorch flattens scales, channels, rows and columns, in this order. Here the
    channels come last.
    """

    num_scales: int = 1
    glimpse_size: int = 1

    def to_keras(self, array: np.ndarray) -> np.ndarray:
        kernel = super().to_keras(array)
        size = self.glimpse_size
        pixels = kernel.reshape(
            self.num_scales, -1, size, size, kernel.shape[-1]
        )
        moved = np.moveaxis(pixels, 1, 3).reshape(kernel.shape)
        return np.array(moved, order="C")

    def to_published(self, array: np.ndarray) -> np.ndarray:
        size = self.glimpse_size
        pixels = array.reshape(self.num_scales, size, size, -1, array.shape[-1])
        moved = np.moveaxis(pixels, 3, 1).reshape(array.shape)
        return super().to_published(moved)


def glimpse_network_key_maps(target: GlimpseNetwork) -> dict[str, KeyMap]:
    """Return the key maps for a target with this size of glimpses."""
    kernel = _GlimpseKernel(
        LINEAR.keras,
        LINEAR.published,
        num_scales=target.num_scales,
        glimpse_size=target.glimpse_size,
    )
    return {
        _LAYOUT: (
            linear("fc1", "glimpse_hidden", kernel)
            | linear("fc2", "location_hidden")
            | linear("fc3", "glimpse_out")
            | linear("fc4", "location_out")
        )
    }


def recurrent_attention_key_maps(
    target: RecurrentAttention,
) -> dict[str, KeyMap]:
    """Return the key maps for a target with this glimpse size and locator."""
    sensor = glimpse_network_key_maps(target.glimpse)[_LAYOUT]
    # Older checkpoints of that code have a linear locator.
    locator = linear("locator.fc", "locator")
    if target.locator_hidden is not None:
        locator = linear("locator.fc", "locator_hidden") | linear(
            "locator.fc_lt", "locator"
        )
    return {
        _LAYOUT: (
            nested("sensor.", "glimpse", sensor)
            | linear("rnn.i2h", "core_input")
            | linear("rnn.h2h", "core_state")
            | locator
            | linear("classifier.fc", "classifier")
            | linear("baseliner.fc", "baseline")
        )
    }
