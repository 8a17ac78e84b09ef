"""Dense layer of groups of channels."""

from typing import Any

from keras_attention._base.kernel_layer import KernelLayer
from keras_attention.ops import precision
from keras_attention.ops import products


class GroupedDense(KernelLayer):
    """Dense layer of each group of channels by itself, with a bias.

    This is a point-wise convolution in groups, of vectors. The kernel has the
    shape `(inputs // groups, units)`.
    """

    def __init__(self, units: int, *, groups: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.groups = groups

    def build(self, input_shape):
        self.kernel = self.add_weight(
            (input_shape[-1] // self.groups, self.units),
            self._new_initializer(),
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def call(self, x):
        kernel, bias = (
            precision.cast(weight, x.dtype)
            for weight in (self.kernel, self.bias)
        )
        return products.grouped_dense(x, kernel, bias, groups=self.groups)
