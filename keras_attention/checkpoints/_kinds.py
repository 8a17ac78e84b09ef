"""How one array is laid out in a reference, and how in Keras.

Axes are letters: `I` and `O` for input and output channels, `H` and `W` for a
kernel's height and width, `C` for the entries of a vector, and `1` for an axis
of size 1 that Keras does without.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import numpy as np


@dataclass(frozen=True)
class Kind:
    """A way to write an array in a reference.

    Attributes:
        keras: The axes in Keras.
        references: The axes in the reference, for each spelling that is
            accepted; the usual one comes first. They differ in rank.
        mirrored: The axes that count backwards in the reference.
        parts: How many such arrays of the reference, side by side along the
            last axis in Keras, make the one array there.
    """

    keras: str
    references: tuple[str, ...]
    mirrored: str = ""
    parts: int = 1

    def reference_shapes(self, keras_shape: Sequence[int]) -> list[tuple]:
        """Return what shapes a Keras weight may have in the reference."""
        sizes = dict(zip(self.keras, keras_shape, strict=True)) | {"1": 1}
        sizes[self.keras[-1]] //= self.parts
        return [
            tuple(sizes[axis] for axis in spelling)
            for spelling in self.references
        ]

    def to_keras(self, array: np.ndarray) -> np.ndarray:
        """Return an array of the reference as Keras lays it out, a copy."""
        spelling = next(s for s in self.references if len(s) == array.ndim)
        axes = spelling.replace("1", "")
        array = array.reshape(
            [
                size
                for size, axis in zip(array.shape, spelling, strict=True)
                if axis != "1"
            ]
        )
        array = array.transpose([axes.index(axis) for axis in self.keras])
        array = np.flip(array, tuple(map(self.keras.index, self.mirrored)))
        # JAX would go on to use memory that it is given, and PyTorch refuses
        # memory that is read-only or backwards.
        return np.array(array, order="C")

    def to_reference(self, array: np.ndarray) -> np.ndarray:
        """Return an array of Keras as the reference lays it out, a copy."""
        spelling = self.references[0]
        sizes = dict(zip(self.keras, array.shape, strict=True)) | {"1": 1}
        array = np.flip(array, tuple(map(self.keras.index, self.mirrored)))
        axes = spelling.replace("1", "")
        array = array.transpose([self.keras.index(axis) for axis in axes])
        return np.array(array, order="C").reshape(
            [sizes[axis] for axis in spelling]
        )


# PyTorch, and Caffe before it. A 1x1 convolution is a linear layer here, and
# a vector may be shaped to multiply a map.
LINEAR = Kind("IO", ("OI", "OI11"))
POINTWISE = Kind("IO", ("OI11", "OI"))
CONVOLUTION = Kind("HWIO", ("OIHW",))
MIRRORED_CONVOLUTION = replace(CONVOLUTION, mirrored="I")
VECTOR = Kind("C", ("C", "1C11"))
CHANNELS = Kind("C", ("1C11", "C"))

# TensorFlow, whose layouts Keras took over.
TENSORFLOW_DENSE = Kind("IO", ("IO",))
TENSORFLOW_CONVOLUTION = Kind("HWIO", ("HWIO",))
