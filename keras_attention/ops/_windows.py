"""Where the windows of a convolution are."""

from typing import Any

from keras import ops

from keras_attention import _arguments
from keras_attention import _backend


class Windows:
    """The windows of a convolution over a map of any size.

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
        self.strides = _arguments.size("strides", strides)
        self.padding = _arguments.padding("padding", padding)
        self.dilation_rate = _arguments.size("dilation_rate", dilation_rate)
        self.taps = kernel_size[0] * kernel_size[1]

    def reach(self, axis: int) -> int:
        """Return how far the last tap is from the first."""
        return (self.kernel_size[axis] - 1) * self.dilation_rate[axis]

    def count(self, size, axis: int):
        """Return how many windows there are along an axis of a size."""
        if size is None:
            return None
        stride = self.strides[axis]
        if self.padding == "same":
            return (size + stride - 1) // stride
        zeros = 0 if self.padding == "valid" else 2 * self.padding[axis]
        count = (size + zeros - self.reach(axis) - 1) // stride + 1
        if isinstance(count, int) and count < 1:
            raise ValueError(
                f"A window, here {self.reach(axis) + 1} long, must fit into "
                "the map and the zeros around it. "
                f"Received: size={size}, padding={self.padding!r}, "
                f"kernel_size={self.kernel_size}, "
                f"dilation_rate={self.dilation_rate}"
            )
        return count

    def before(self, size, axis: int):
        """Return how many zeros are before the map along an axis."""
        if self.padding == "valid":
            return 0
        if self.padding != "same":
            return self.padding[axis]
        steps = (self.count(size, axis) - 1) * self.strides[axis]
        zeros = steps + self.reach(axis) + 1 - size
        if isinstance(zeros, int):
            return max(zeros, 0) // 2
        return ops.maximum(zeros, 0) // 2

    def positions(self, size, new_size, dtype):
        """Return rows and columns of all taps, (places, taps), in pixels."""
        starts = (
            ops.arange(new_size[axis], dtype=dtype) * self.strides[axis]
            - _backend.cast(self.before(size[axis], axis), dtype)
            for axis in (0, 1)
        )
        steps = (
            ops.arange(self.kernel_size[axis], dtype=dtype)
            * self.dilation_rate[axis]
            for axis in (0, 1)
        )
        (y, x), (i, j) = starts, steps
        rows = _backend.reshape(y, (-1, 1, 1, 1)) + _backend.reshape(i, (-1, 1))
        columns = _backend.reshape(x, (-1, 1, 1)) + j
        shape = (*new_size, *self.kernel_size)
        flat = (-1, self.taps)
        return tuple(
            _backend.reshape(ops.broadcast_to(values, shape), flat)
            for values in (rows, columns)
        )
