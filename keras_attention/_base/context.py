"""Channel context at two scales: what MS-CAM, AFF and iAFF weigh by."""

from typing import Any

import keras
from keras import ops

from keras_attention._base.batch_norm import BatchNorm
from keras_attention._base.calls import conv_batch_norm
from keras_attention._base.layer import BottleneckLayer
from keras_attention._base.layer import KernelLayer
from keras_attention._utils import data_formats
from keras_attention.ops import elementwise
from keras_attention.ops import precision
from keras_attention.ops import products
from keras_attention.ops import reductions
from keras_attention.ops import reshaping


class ContextBranch(KernelLayer):
    """One scale: dense, norm, ReLU, dense, norm, of vectors of channels.

    The vectors are a sample's, `(batch, channels)`, or its positions', with one
    axis for all of them: this is two point-wise convolutions then.
    """

    def __init__(self, hidden_units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden_units = hidden_units
        self.axis = 1 if self.data_format == "channels_first" else -1

    def build(self, input_shape):
        channels = data_formats.channel_count(input_shape, self.data_format)
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
        z = self._apply(self.reduce, self.reduce_norm, vectors, training)
        return self._apply(
            self.expand, self.expand_norm, elementwise.relu(z), training
        )

    def _apply(self, dense, norm, x, training):
        """Return `norm(dense(x))`."""
        if dense.quantization_mode:
            last = len(x.shape) - 1  # see `reshaping.from_channels_last`
            z = dense(ops.moveaxis(x, self.axis, last))
            z = ops.moveaxis(z, last, self.axis)
            return norm.call(precision.cast(z, x.dtype), training=training)

        def product(kernel, bias):
            kernel, bias = (precision.cast(w, x.dtype) for w in (kernel, bias))
            return products.pointwise(x, kernel, bias, axis=self.axis)

        return conv_batch_norm(
            product, dense.kernel, dense.bias, norm, training
        )

    def _norm(self, name: str) -> BatchNorm:
        return BatchNorm(self.axis, dtype=self._policy_of(name), name=name)


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
            data_format=self.data_format,
            dtype=self.dtype_policy,
            name=name,
        )
        branch.build((None, channels))
        return branch

    def _weigh(self, x, local_context, global_context, training):
        """Return the weight of each value of `x`, by two branches."""
        sizes = ops.shape(x)
        x = precision.upcast_float16(x)
        # All positions along one axis, which is what is quick.
        x = reshaping.merge_spatial_axes(x, self.data_format)
        pooled = reductions.upcast_mean(
            x, data_formats.spatial_axes(self.data_format, 3)
        )
        from_global = global_context.call(pooled, training=training)
        from_local = local_context.call(x, training=training)
        from_global = reshaping.expand_dims(
            from_global, data_formats.spatial_axes(self.data_format, 3)
        )
        weight = reshaping.reshape(ops.sigmoid(from_local + from_global), sizes)
        return precision.cast(weight, self.compute_dtype)
