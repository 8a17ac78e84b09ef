"""Generated cases: layers, their inputs and their data format."""

import dataclasses
import zlib

import numpy as np

import references
from autodiff import forward
from contract.case import Case
from contract.case import to_layout
from contract.case import to_numpy


@dataclasses.dataclass(frozen=True)
class GeneratedCase:
    """A case with a data format and a seed, from which all numbers follow.

    `kinds` has the kind of numbers of each input: "map" for images, which may
    be large, "location" for coordinates from -1 to 1, "unit" for numbers from 0
    to 1, and "free" for all others. `discontinuous` is true if rounding may
    change the outputs much. `resamples` is true if the layer samples its input
    at locations with offsets, and may skip pixels. `gradients` is true if all
    inputs have a gradient. `other_dtypes` are dtypes of outputs that are
    allowed in half precision. `tolerance_factor` multiplies the tolerance, for
    layers of many operations.
    """

    case: Case
    layout: str
    seed: int
    kinds: tuple[str, ...] = ("map",)
    discontinuous: bool = False
    resamples: bool = False
    gradients: bool = True
    other_dtypes: tuple[str, ...] = ()
    tolerance_factor: float = 1.0

    def __str__(self):
        shapes = ", ".join(map(str, self.case.shapes))
        return f"{self.case} of {shapes}, {self.layout}, seed {self.seed}"

    __repr__ = __str__

    def rng(self, of):
        return np.random.default_rng([self.seed, zlib.crc32(of.encode())])

    def layer(self, *, initial=False, **kwargs):
        """Return the layer, built, with random weights."""
        layer = self.case.layer(data_format=self.layout, **kwargs)
        if not layer.built:
            layer.build(*self.to_layout(self.case.shapes))
        if not initial:
            rng = self.rng("weights")
            for weight in layer.weights:
                value = rng.normal(size=weight.shape)
                if weight.path.endswith("moving_variance"):
                    value = 0.5 + value**2
                else:
                    value = self.case.weight_scale * value
                weight.assign(value.astype("float32"))
        return layer

    def inputs(self, scale=1.0, *, bounded=False, dtype="float32"):
        """Return inputs in `channels_last`, normal or between bounds."""
        rng = self.rng("inputs")
        arrays = []
        for shape, kind in zip(self.case.shapes, self.kinds, strict=True):
            if kind == "location":
                array = rng.uniform(-1.2, 1.2, size=shape)
            elif kind == "unit":
                array = rng.uniform(size=shape)
            elif kind == "map" and bounded:
                array = scale * rng.uniform(-1, 1, size=shape)
            else:
                array = rng.normal(size=shape)
                array *= scale if kind == "map" else 1
            arrays.append(array.astype(dtype))
        return arrays

    def to_layout(self, shapes_or_arrays):
        """Convert shapes or arrays of inputs to the data format."""
        move = getattr(self.case.layer_cls, "to_layout", _to_layout)
        return [
            move(value, self.layout, index)
            for index, value in enumerate(shapes_or_arrays)
        ]

    def of_samples(self, arrays, samples):
        """Return the inputs of some of the samples."""
        shared = getattr(self.case.layer_cls, "shared", ())
        return [
            array if index in shared else array[samples]
            for index, array in enumerate(arrays)
        ]

    def axis_of(self, rank):
        """Return the channel axis of outputs of this rank."""
        axis = self.case.channels_first_axis(rank)
        axis = getattr(self.case.layer_cls, "channels_out", axis)
        last = self.layout == "channels_last" or rank < 3 or axis is None
        return -1 if last else axis

    def back(self, outputs):
        """Return outputs in `channels_last`, as an array."""
        outputs = to_numpy(outputs)
        return np.moveaxis(outputs, self.axis_of(outputs.ndim), -1)


def _to_layout(shape_or_array, layout, index):
    shape = getattr(shape_or_array, "shape", shape_or_array)
    image = len(shape) > 2
    return to_layout(shape_or_array, layout) if image else shape_or_array


def expected(layer, point):
    """Return the outputs of the reference in float64."""
    if hasattr(layer, "reference"):
        return layer.reference(*point)
    return references.outputs(layer, point)


def point_of(layer, inputs):
    """Return inputs and weights, in this order, as one list in float64."""
    arrays = [*inputs, *(to_numpy(weight) for weight in layer.weights)]
    return [np.asarray(a, "float64") for a in arrays]


def run(generated, layer, inputs):
    """Return the outputs of a layer for inputs, both in `channels_last`."""
    return generated.back(forward(layer, *generated.to_layout(inputs)))
