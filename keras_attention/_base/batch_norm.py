"""Batch normalization whose variance is exact for few samples.

On PyTorch, Keras computes the variance as a difference of two means, which
loses most digits if there are few samples.
"""

from typing import Any

import keras

from keras_attention.ops import normalization
from keras_attention.ops import precision


class BatchNorm(keras.layers.BatchNormalization):
    r"""Batch normalization with PyTorch's constants and a stable variance.

    On PyTorch, Keras computes the variance as :math:`E[x^2] - E[x]^2`. With few
    vectors, such as one per sample, this difference loses most digits and may
    be negative, which gives NaN. This layer computes :math:`E[(x - E[x])^2]`.
    It also computes float64 in float64, and not in float32.
    """

    def __init__(
        self, axis: int = -1, momentum: float = 0.9, **kwargs: Any
    ) -> None:
        super().__init__(axis, momentum, epsilon=1e-5, **kwargs)

    def call(self, x, training=None):
        x32 = precision.upcast(x)
        gamma, beta = precision.cast_all((self.gamma, self.beta), x32.dtype)
        settings = {"axis": self.axis, "epsilon": self.epsilon}
        if self.follows_batch(training):
            outputs, *new = normalization.batch_norm(
                x32, gamma, beta, **settings
            )
            for moving, statistic in zip(self._moving(), new, strict=True):
                old = precision.cast(moving, x32.dtype)
                moving.assign(
                    old * self.momentum + statistic * (1 - self.momentum)
                )
        else:
            mean, variance = (
                precision.cast(x, x32.dtype) for x in self._moving()
            )
            outputs = normalization.normalize(
                x32, gamma, beta, mean=mean, variance=variance, **settings
            )
        return precision.cast(outputs, x.dtype)

    def follows_batch(self, training) -> bool:
        """Return whether statistics are those of the batch."""
        return bool(training) and self.trainable

    def folded(self, kernel, bias, dtype) -> tuple[Any, Any]:
        """Return kernel and bias of a product with this layer, in inference."""
        return normalization.folded(
            kernel,
            bias,
            self.gamma,
            self.beta,
            mean=self.moving_mean,
            variance=self.moving_variance,
            epsilon=self.epsilon,
            dtype=dtype,
        )

    def _moving(self):
        return self.moving_mean, self.moving_variance
