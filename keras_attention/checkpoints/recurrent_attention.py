"""The names of published weights of the recurrent attention model."""

from dataclasses import dataclass

import numpy as np

from keras_attention.checkpoints._kinds import LINEAR
from keras_attention.checkpoints._kinds import Kind
from keras_attention.checkpoints._parts import Layout
from keras_attention.checkpoints._parts import linear
from keras_attention.checkpoints._parts import within
from keras_attention.hard import GlimpseNetwork
from keras_attention.hard import RecurrentAttention

_LAYOUT = "recurrent-visual-attention"


@dataclass(frozen=True)
class _OfGlimpses(Kind):
    """A linear layer on glimpses, whose channels PyTorch has before pixels."""

    glimpses: tuple[int, int] = (1, 1)  # scales, side

    def to_keras(self, array: np.ndarray) -> np.ndarray:
        kernel = super().to_keras(array)
        scales, side = self.glimpses
        pixels = kernel.reshape(scales, -1, side, side, kernel.shape[-1])
        moved = np.moveaxis(pixels, 1, 3).reshape(kernel.shape)
        return np.array(moved, order="C")

    def to_reference(self, array: np.ndarray) -> np.ndarray:
        scales, side = self.glimpses
        pixels = array.reshape(scales, side, side, -1, array.shape[-1])
        moved = np.moveaxis(pixels, 3, 1).reshape(array.shape)
        return super().to_reference(moved)


def glimpse_network_layouts(target: GlimpseNetwork) -> dict[str, Layout]:
    """Return the layouts for a target with its own glimpses."""
    kind = _OfGlimpses(
        LINEAR.keras,
        LINEAR.references,
        glimpses=(target.num_scales, target.glimpse_size),
    )
    return {
        _LAYOUT: (
            linear("fc1", "glimpse_hidden", kind)
            | linear("fc2", "location_hidden")
            | linear("fc3", "glimpse_out")
            | linear("fc4", "location_out")
        )
    }


def recurrent_attention_layouts(
    target: RecurrentAttention,
) -> dict[str, Layout]:
    """Return the layouts for a target with its own glimpses."""
    sensor = glimpse_network_layouts(target.glimpse)[_LAYOUT]
    return {
        _LAYOUT: (
            within("sensor.", "glimpse", sensor)
            | linear("rnn.i2h", "core_input")
            | linear("rnn.h2h", "core_state")
            | linear("locator.fc", "locator_hidden")
            | linear("locator.fc_lt", "locator")
            | linear("classifier.fc", "classifier")
            | linear("baseliner.fc", "baseline")
        )
    }
