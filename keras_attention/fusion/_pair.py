"""Weighted fusion of two maps of the same shape."""

from keras_attention._base.context import ContextLayer
from keras_attention.ops import elementwise
from keras_attention.ops import precision


class PairFusion(ContextLayer):
    """Base class of layers that fuse a branch `x` with a `residual`."""

    def build(self, x_shape, residual_shape):
        self._require_equal(x_shape, residual_shape)
        self._build_branches(self._channels(x_shape))

    def call(self, x, residual, training=None, return_attention=False):
        self._require_equal(x.shape, residual.shape)
        x, residual = self._as_float(x), self._as_float(residual)
        attention = self.compute_attention(x, residual, training=training)
        outputs = self.apply_attention(x, residual, attention)
        return self._outputs(outputs, attention, return_attention)

    def apply_attention(self, x, residual, attention):
        """Return the mean of `x` and `residual`, weighted by `attention`."""
        return elementwise.lerp(x, residual, attention)

    @staticmethod
    def _sum(x, residual):
        return precision.upcast_float16(x) + precision.upcast_float16(residual)

    def compute_output_shape(self, x_shape, residual_shape):
        self._require_equal(x_shape, residual_shape)
        return tuple(x_shape)

    def compute_attention_shape(self, x_shape, residual_shape):
        return tuple(x_shape)

    @staticmethod
    def _require_equal(x_shape, residual_shape):
        x_shape, residual_shape = tuple(x_shape), tuple(residual_shape)
        equal = len(x_shape) == len(residual_shape) and all(
            a == b or a is None or b is None
            for a, b in zip(x_shape, residual_shape, strict=True)
        )
        if not equal:
            raise ValueError(
                "`x` and `residual` must have the same shape. "
                f"Received: x_shape={x_shape}, residual_shape={residual_shape}"
            )
