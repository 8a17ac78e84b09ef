"""Batch norm that few samples do not unsettle."""

from typing import Any

import keras
from keras import ops

from keras_attention import _numerics


class BatchNorm(keras.layers.BatchNormalization):
    r"""Keras' layer, with PyTorch's constants and a variance that holds.

    On PyTorch Keras takes the variance for :math:`E[x^2] - E[x]^2`. Of a few
    vectors, as one a sample, that keeps few digits, and if they are alike it
    may be negative, which makes the outputs NaN. Here it is
    :math:`E[(x - E[x])^2]`. Nor is float64 computed in float32.
    """

    def __init__(
        self, axis: int = -1, momentum: float = 0.9, **kwargs: Any
    ) -> None:
        super().__init__(axis, momentum, epsilon=1e-5, **kwargs)

    def call(self, x, training=None):
        wide = _numerics.accumulable(x)
        if training and self.trainable:
            centred, variance = self._of_batch(wide)
        else:
            centred = wide - self._spread(self.moving_mean, wide)
            variance = ops.cast(self.moving_variance, wide.dtype)
        scale = ops.rsqrt(variance + self.epsilon)
        scale = scale * ops.cast(self.gamma, wide.dtype)
        outputs = centred * self._spread(scale, wide)
        return ops.cast(outputs + self._spread(self.beta, wide), x.dtype)

    def _of_batch(self, x):
        """Return what is left of the mean, and the variance; remember both."""
        rank = len(x.shape)
        axes = tuple(a for a in range(rank) if a != self.axis % rank)
        mean = _numerics.mean(x, axes)
        centred = x - self._spread(mean, x)
        variance = _numerics.mean(ops.square(centred), axes)
        for moving, new in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            old = ops.cast(moving, new.dtype)
            moving.assign(old * self.momentum + new * (1 - self.momentum))
        return centred, variance

    def _spread(self, vector, x):
        """Return one value a channel, fit to multiply `x`."""
        shape = [1] * len(x.shape)
        shape[self.axis] = -1
        return ops.reshape(ops.cast(vector, x.dtype), shape)
