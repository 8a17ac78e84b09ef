"""Context of channels at two scales: the weights of MS-CAM, AFF and iAFF."""

from typing import Any

import keras

from keras_attention._base import calls
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._utils import data_formats
from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


class ContextBranch(KernelLayer):
    """One context branch: two dense layers, each with batch normalization.

    A ReLU follows the first normalization. The inputs are one vector per
    sample, `(batch, channels)`, or one vector per position, with one axis for
    all positions. For positions the dense layers are point-wise convolutions.
    """

    def __init__(self, hidden_units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden_units = hidden_units
        self.axis = data_formats.any_rank_axis(self.data_format)

    def build(self, input_shape):
        channels = data_formats.channel_count(input_shape, self.data_format)
        self.reduce = keras.layers.Dense(
            self.hidden_units, **self._kernel("reduce")
        )
        self.reduce_norm = self._batch_norm(
            "reduce_norm", self.hidden_units, self.axis
        )
        self.expand = keras.layers.Dense(channels, **self._kernel("expand"))
        self.expand_norm = self._batch_norm("expand_norm", channels, self.axis)
        self.reduce.build((None, channels))
        self.expand.build((None, self.hidden_units))

    def call(self, vectors, training=None):
        z = calls.pointwise_batch_norm(
            self.reduce, self.reduce_norm, vectors, training, self.axis
        )
        return calls.pointwise_batch_norm(
            self.expand,
            self.expand_norm,
            elementwise.relu(z),
            training,
            self.axis,
        )


def branch(
    owner: KernelLayer, name: str, channels: int, hidden_units: int
) -> ContextBranch:
    """Return a new branch for a layer, built."""
    made = ContextBranch(
        hidden_units,
        kernel_initializer=owner.kernel_initializer,
        kernel_regularizer=owner.kernel_regularizer,
        data_format=owner.data_format,
        dtype=owner.dtype_policy,
        name=name,
    )
    made.build((None, channels))
    return made


def weigh(
    x: Any,
    local_context: ContextBranch,
    global_context: ContextBranch,
    training: Any,
):
    """Return the weight of each value of a map, by its context."""
    sizes = reshaping.shape(x)
    data_format = local_context.data_format
    axes = data_formats.spatial_axes(data_format, 3)
    x = precision.upcast_float16(x)
    # All positions along one axis, which is faster.
    x = reshaping.merge_spatial_axes(x, data_format)
    pooled = reductions.upcast_mean(x, axes)
    from_global = global_context.call(pooled, training=training)
    from_local = local_context.call(x, training=training)
    from_global = reshaping.expand_dims(from_global, axes)
    weight = reshaping.reshape(
        elementwise.sigmoid(from_local + from_global), sizes
    )
    return precision.cast(weight, local_context.compute_dtype)
