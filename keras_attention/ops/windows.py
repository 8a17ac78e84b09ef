"""Window geometry of a convolution."""

from typing import Any

from keras import ops

from keras_attention._utils import validation
from keras_attention.ops import precision
from keras_attention.ops import reshaping


class Windows:
    """Window geometry of a convolution over a map of any size.

    Axis 0 is the height, axis 1 the width; sizes may be unknown or symbolic.
    """

    def __init__(
        self,
        kernel_size: tuple[int, int],
        strides: Any,
        padding: Any,
        dilation_rate: Any,
    ) -> None:
        self.kernel_size = kernel_size
        self.strides = validation.size("strides", strides)
        self.padding = validation.padding("padding", padding)
        self.dilation_rate = validation.size("dilation_rate", dilation_rate)
        self.taps = kernel_size[0] * kernel_size[1]

    def extent(self, axis: int) -> int:
        """Return the distance from the first to the last tap along an axis."""
        return (self.kernel_size[axis] - 1) * self.dilation_rate[axis]

    def count(self, size, axis: int):
        """Return the number of windows along an axis."""
        if size is None:
            return None
        stride = self.strides[axis]
        if self.padding == "same":
            return (size + stride - 1) // stride
        zeros = 0 if self.padding == "valid" else 2 * self.padding[axis]
        count = (size + zeros - self.extent(axis) - 1) // stride + 1
        if isinstance(count, int) and count < 1:
            raise ValueError(
                f"A window, here {self.extent(axis) + 1} long, must fit into "
                "the map and the zeros around it. "
                f"Received: size={size}, padding={self.padding!r}, "
                f"kernel_size={self.kernel_size}, "
                f"dilation_rate={self.dilation_rate}"
            )
        return count

    def pad_before(self, size, axis: int):
        """Return the number of zeros before the map along an axis."""
        if self.padding == "valid":
            return 0
        if self.padding != "same":
            return self.padding[axis]
        steps = (self.count(size, axis) - 1) * self.strides[axis]
        zeros = steps + self.extent(axis) + 1 - size
        if isinstance(zeros, int):
            return max(zeros, 0) // 2
        return ops.maximum(zeros, 0) // 2

    def positions(self, size, new_size, dtype):
        """Return rows and columns of all taps, (windows, taps), in pixels."""
        starts = (
            ops.arange(new_size[axis], dtype=dtype) * self.strides[axis]
            - precision.cast(self.pad_before(size[axis], axis), dtype)
            for axis in (0, 1)
        )
        steps = (
            ops.arange(self.kernel_size[axis], dtype=dtype)
            * self.dilation_rate[axis]
            for axis in (0, 1)
        )
        (y, x), (i, j) = starts, steps
        rows = reshaping.reshape(y, (-1, 1, 1, 1)) + reshaping.reshape(
            i, (-1, 1)
        )
        columns = reshaping.reshape(x, (-1, 1, 1)) + j
        shape = (*new_size, *self.kernel_size)
        flat = (-1, self.taps)
        return tuple(
            reshaping.reshape(ops.broadcast_to(values, shape), flat)
            for values in (rows, columns)
        )
