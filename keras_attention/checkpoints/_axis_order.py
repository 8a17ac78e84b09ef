"""The order of the axes of an array, in a published layout and in Keras.

Axes are letters: `I` and `O` for input and output channels, `H` and `W` for the
height and width of a kernel, `C` for the entries of a vector, and `1` for an
axis of size 1 that the other array does not have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import numpy as np


@dataclass(frozen=True)
class AxisOrder:
    """The axes of an array in Keras and in a published layout.

    Attributes:
        keras: The axes in Keras.
        published: The axes in the published layout. Several orders may be
            accepted when loading; they differ in rank, and the first is used
            for export.
        reversed_axes: The axes that are stored in reverse in the published
            layout.
        pieces: The number of published arrays that are concatenated along the
            last axis to make the Keras array.
        factor: What a published array is multiplied by to make the Keras array.
        folded_into: For a bias before a batch normalization that the published
            layout does not have: the path of the moving mean. The bias is zero
            when it is loaded, and subtracted from the mean for export.
    """

    keras: str
    published: tuple[str, ...]
    reversed_axes: str = ""
    pieces: int = 1
    factor: float = 1
    folded_into: str = ""

    def published_shapes(self, keras_shape: Sequence[int]) -> list[tuple]:
        """Return the published shapes that are accepted for a Keras weight."""
        sizes = dict(zip(self.keras, keras_shape, strict=True)) | {"1": 1}
        sizes[self.keras[-1]] //= self.pieces
        return [
            tuple(sizes[axis] for axis in order) for order in self.published
        ]

    def to_keras(self, array: np.ndarray) -> np.ndarray:
        """Return a copy of a published array in the axis order of Keras."""
        order = next(it for it in self.published if len(it) == array.ndim)
        axes = order.replace("1", "")
        array = array.reshape(
            [
                size
                for size, axis in zip(array.shape, order, strict=True)
                if axis != "1"
            ]
        )
        kept = self.keras.replace("1", "")
        array = array.transpose([axes.index(axis) for axis in kept])
        if kept != self.keras:
            array = array[None]
        array = self._scaled(np.flip(array, self._flipped()), self.factor)
        # JAX may keep using the memory of an array that it is given, and
        # PyTorch does not accept read-only memory or negative strides.
        return np.array(array, order="C")

    def to_published(self, array: np.ndarray) -> np.ndarray:
        """Return a copy of a Keras array in the published axis order."""
        order = self.published[0]
        sizes = dict(zip(self.keras, array.shape, strict=True)) | {"1": 1}
        array = self._scaled(np.flip(array, self._flipped()), 1 / self.factor)
        axes = order.replace("1", "")
        if self.keras == "1":
            array = array[0]
        array = array.transpose([self.keras.index(axis) for axis in axes])
        return np.array(array, order="C").reshape(
            [sizes[axis] for axis in order]
        )

    @staticmethod
    def _scaled(array: np.ndarray, factor: float) -> np.ndarray:
        """Return an array times a factor, in its dtype."""
        return array if factor == 1 else (array * factor).astype(array.dtype)

    def _flipped(self) -> tuple[int, ...]:
        """Return the indices of the reversed axes in the Keras array."""
        return tuple(map(self.keras.index, self.reversed_axes))


# PyTorch and Caffe. A linear layer may be stored as a 1x1 convolution, and a
# vector in the shape that broadcasts to a map.
LINEAR = AxisOrder("IO", ("OI", "OI11"))
POINTWISE = AxisOrder("IO", ("OI11", "OI"))
CONVOLUTION = AxisOrder("HWIO", ("OIHW",))
CONVOLUTION_1D = AxisOrder("WIO", ("OIW",))
REVERSED_INPUT_CONVOLUTION = replace(CONVOLUTION, reversed_axes="I")
MATRIX = AxisOrder("IO", ("IO",))
VECTOR = AxisOrder("C", ("C", "1C11"))
CHANNELS = AxisOrder("C", ("1C11", "C"))
CHANNELS_LAST = AxisOrder("C", ("111C", "C"))
SCALAR = AxisOrder("1", ("",))
POINTWISE_1D = AxisOrder("IO", ("OI1", "OI"))
LAYER_NORM = AxisOrder("C", ("C11", "C"))  # of a map

# TensorFlow has the axis order of Keras.
TENSORFLOW_DENSE = AxisOrder("IO", ("IO",))
TENSORFLOW_CONVOLUTION = AxisOrder("HWIO", ("HWIO",))
