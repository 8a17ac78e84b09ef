"""One thing that was drawn: a layer, its inputs, and where they lie."""

import dataclasses
import zlib

import numpy as np

import references
from autodiff import forward
from contract.case import Case
from contract.case import to_layout
from contract.case import to_numpy


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A case with a layout and a seed, from which all numbers come.

    `kinds` says of each input which numbers it takes: "map" for those of an
    image, which may be large, "place" for coordinates from -1 to 1, "unit" for
    those from 0 to 1, and "free" for all others. `steps` are there where the
    outputs jump, so that rounding may land on either side. `reads` is whether
    the layer looks at moved positions, and perhaps not at all of its input,
    `gradients` whether it has a gradient to all its inputs, and `wider` are
    dtypes in which it may answer in half precision. `leeway` is how much more
    than others it may be off, many layers deep.
    """

    case: Case
    layout: str
    seed: int
    kinds: tuple[str, ...] = ("map",)
    steps: bool = False
    reads: bool = False
    gradients: bool = True
    wider: tuple[str, ...] = ()
    leeway: float = 1.0

    def __str__(self):
        shapes = ", ".join(map(str, self.case.shapes))
        return f"{self.case} of {shapes}, {self.layout}, seed {self.seed}"

    __repr__ = __str__

    def rng(self, of):
        return np.random.default_rng([self.seed, zlib.crc32(of.encode())])

    def layer(self, *, initial=False, **kwargs):
        """Return the layer built, at weights that are nothing special."""
        layer = self.case.layer(data_format=self.layout, **kwargs)
        if not layer.built:
            layer.build(*self.moved(self.case.shapes))
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
            if kind == "place":
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

    def moved(self, shapes_or_arrays):
        """Return shapes or arrays in the layout: those of images, and alike."""
        move = getattr(self.case.layer_cls, "moved", _moved)
        return [
            move(value, self.layout, place)
            for place, value in enumerate(shapes_or_arrays)
        ]

    def of_samples(self, arrays, samples):
        """Return inputs for some of the samples alone."""
        shared = getattr(self.case.layer_cls, "shared", ())
        return [
            array if place in shared else array[samples]
            for place, array in enumerate(arrays)
        ]

    def back(self, outputs):
        """Return outputs in `channels_last`, as an array."""
        outputs = to_numpy(outputs)
        axis = getattr(self.case.layer_cls, "channels_out", 1)
        if self.case.layer_cls.__name__ == "GlimpseSensor":
            axis = 2
        if self.layout == "channels_last" or outputs.ndim < 3 or axis is None:
            return outputs
        return np.moveaxis(outputs, axis, -1)


def _moved(shape_or_array, layout, place):
    shape = getattr(shape_or_array, "shape", shape_or_array)
    image = len(shape) > 2
    return to_layout(shape_or_array, layout) if image else shape_or_array


def expected(layer, point):
    """Return the outputs in float64 that the equation has at a point."""
    if hasattr(layer, "reference"):
        return layer.reference(*point)
    return references.outputs(layer, point)


def point_of(layer, inputs):
    """Return inputs and weights, in this order, as one list in float64."""
    arrays = [*inputs, *(to_numpy(weight) for weight in layer.weights)]
    return [np.asarray(a, "float64") for a in arrays]


def run(drawn, layer, inputs):
    """Return the outputs of a layer for inputs, both in `channels_last`."""
    return drawn.back(forward(layer, *drawn.moved(inputs)))
