"""Channel context at two scales: what MS-CAM, AFF and iAFF weigh by."""

from typing import Any

import keras
from keras import ops

from keras_attention import _axes
from keras_attention import _numerics
from keras_attention._layer import BottleneckLayer
from keras_attention._layer import KernelLayer
from keras_attention._norm import BatchNorm


class ContextBranch(KernelLayer):
    """One scale: dense, norm, ReLU, dense, norm, of vectors of channels.

    The vectors are of shape `(any number, channels)`, whatever they belong to:
    positions (this is a point-wise convolution then) or samples.
    """

    def __init__(self, hidden_units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden_units = hidden_units

    def build(self, input_shape):
        channels = input_shape[-1]
        self.reduce = keras.layers.Dense(
            self.hidden_units, **self._kernel("reduce")
        )
        self.reduce_norm = self._norm("reduce_norm")
        self.expand = keras.layers.Dense(channels, **self._kernel("expand"))
        self.expand_norm = self._norm("expand_norm")
        self.reduce.build((None, channels))
        self.reduce_norm.build((None, self.hidden_units))
        self.expand.build((None, self.hidden_units))
        self.expand_norm.build((None, channels))

    def call(self, vectors, training=None):
        z = self.reduce_norm(self.reduce(vectors), training=training)
        return self.expand_norm(self.expand(ops.relu(z)), training=training)

    def _norm(self, name: str) -> BatchNorm:
        return BatchNorm(dtype=self._policy_of(name), name=name)


class ContextLayer(BottleneckLayer):
    """Base of the layers that weigh by context, and their arguments.

    A subclass makes branches in `build` with `_branch`, and calls `_weigh`.
    """

    def __init__(
        self,
        reduction: int,
        *,
        hidden_units: int | None,
        kernel_initializer: Any,
        kernel_regularizer: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            reduction,
            hidden_units=hidden_units,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            **kwargs,
        )
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def _branch(self, name: str, channels: int) -> ContextBranch:
        """Return a new branch, built."""
        branch = ContextBranch(
            self._units(channels),
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self.kernel_regularizer,
            dtype=self.dtype_policy,
            name=name,
        )
        branch.build((None, channels))
        return branch

    def _weigh(self, x, local_context, global_context, training):
        """Return the weight of each value of `x`, by two branches."""
        rank = len(x.shape)
        axes = _axes.spatial_axes(self.data_format, rank)
        axis = _axes.channel_axis(self.data_format, rank)
        pooled = _numerics.mean(x, axes)
        wide = ops.expand_dims(global_context(pooled, training=training), axes)
        x = ops.moveaxis(x, axis, -1)
        positions = ops.reshape(x, (-1, x.shape[-1]))
        narrow = ops.reshape(
            local_context(positions, training=training), ops.shape(x)
        )
        return ops.sigmoid(ops.moveaxis(narrow, -1, axis) + wide)
