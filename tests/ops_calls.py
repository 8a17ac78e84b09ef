"""Example calls of every public function."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

from contract.case import to_layout
from keras_attention import ops

RNG = np.random.default_rng(0)
# Integers, so that each dtype can hold them; no pixel is at an edge of cells.
IMAGES = RNG.integers(0, 120, (2, 6, 7, 4))


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """A function with its tensors, in `channels_last`, and its settings.

    `moved` are the names of the tensors that the data format moves, `shared`
    those that have no batch axis, `listed` those of which only the second axis
    may be unknown. An argument that is a list has a tensor for each item,
    such as `values[0]`.
    """

    function: Callable
    tensors: dict
    settings: dict
    moved: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()

    @property
    def names(self):
        """Return the names of the arguments that are tensors, or lists."""
        return {name.partition("[")[0] for name in self.tensors}

    def __str__(self):
        data_format = self.settings.get("data_format", "")
        return f"{self.function.__name__}-{len(self.tensors)}-{data_format}"

    def in_format(self, data_format):
        """Return the same call in a data format."""
        tensors = {
            name: to_layout(x, data_format) if name in self.moved else x
            for name, x in self.tensors.items()
        }
        settings = {**self.settings, "data_format": data_format}
        return dataclasses.replace(self, tensors=tensors, settings=settings)

    def __call__(self, **tensors):
        """Return the outputs, with `tensors` in place of the own ones."""
        arguments = {}
        for name, tensor in {**self.tensors, **tensors}.items():
            argument, is_item, _ = name.partition("[")
            if is_item:
                arguments.setdefault(argument, []).append(tensor)
            else:
                arguments[name] = tensor
        return self.function(**arguments, **self.settings)

    def arrays(self, dtype="float32"):
        return {name: x.astype(dtype) for name, x in self.tensors.items()}

    def inputs(self, unknown=False, dtype="float32", suffix=""):
        """Return symbolic tensors for all arguments, by name."""
        return {
            name: keras.Input(
                batch_shape=self.symbolic_shape(name, unknown),
                dtype=dtype,
                name=name + suffix,
            )
            for name in self.tensors
        }

    def symbolic_shape(self, name, unknown):
        """Return the shape of an argument, of known spatial sizes or not."""
        shape = list(self.tensors[name].shape)
        if name in self.shared:
            return tuple(shape)
        first = self.settings.get("data_format") == "channels_first"
        if unknown and name in self.listed:
            shape[1] = None
        elif unknown and len(shape) > 3:
            start = 2 if first and name in self.moved else 1
            shape[start : start + 2] = [None, None]
        return (None, *shape[1:])


def _small(*shape):
    """Return integers of at most 2, as locations or weights."""
    return RNG.integers(0, 3, shape)


_MATRICES = _small(2, 3, 3) + 3 * np.eye(3, dtype="int64")
_IMAGE_CALLS = [
    Call(
        ops.grid_sample,
        {"inputs": IMAGES, "grid": _small(2, 4, 5, 2)},
        {"padding_mode": "border", "align_corners": False},
        ("inputs",),
    ),
    Call(
        ops.deform_attention,
        {
            "values[0]": IMAGES,
            "values[1]": IMAGES[:, :3, :2],
            "locations": _small(2, 5, 2, 2, 3, 2),
            "weights": _small(2, 5, 2, 2, 3),
        },
        {},
        ("values[0]", "values[1]"),
        listed=("locations", "weights"),
    ),
    Call(
        ops.deform_conv2d,
        {
            "inputs": IMAGES,
            "offsets": _small(2, 3, 4, 2 * 2 * 9),
            "kernel": _small(3, 3, 2, 6),
            "mask": _small(2, 3, 4, 2 * 9),
            "bias": _small(6),
        },
        {
            "strides": 2,
            "padding": (1, 1),
            "groups": 2,
            "offset_groups": 2,
        },
        ("inputs", "offsets", "mask"),
        ("kernel", "bias"),
    ),
    Call(
        ops.deform_conv2d,
        {
            "inputs": IMAGES,
            "offsets": _small(2, 6, 7, 2 * 2),
            "kernel": _small(1, 2, 4, 3),
        },
        {"padding": "same"},
        ("inputs", "offsets"),
        ("kernel",),
    ),
    Call(
        ops.sample_offsets,
        {"inputs": IMAGES, "offsets": _small(2, 6, 7, 2)},
        {},
        ("inputs",),
    ),
    Call(
        ops.extract_glimpses,
        {"images": IMAGES, "locations": _small(2, 2) - 1},
        {"size": 3, "num_scales": 3},
        ("images",),
    ),
]
_OFFSETS_OF_CHANNELS = _small(2, 6, 7, 4, 2)
CALLS = [
    Call(ops.affine_grid, {"theta": _MATRICES[:, :2]}, {"size": (4, 5)}),
    Call(
        ops.projective_grid,
        {"theta": _MATRICES},
        {"size": [4, 5], "align_corners": False},
    ),
    Call(ops.tps_grid, {"points": _small(2, 9, 2)}, {"size": (4, 5)}),
    *[
        call.in_format(data_format)
        for call in _IMAGE_CALLS
        for data_format in ("channels_last", "channels_first")
    ],
    Call(
        ops.sample_offsets,
        {"inputs": IMAGES, "offsets": _OFFSETS_OF_CHANNELS},
        {"data_format": "channels_last"},
    ),
    Call(
        ops.sample_offsets,
        {
            "inputs": to_layout(IMAGES, "channels_first"),
            "offsets": np.moveaxis(_OFFSETS_OF_CHANNELS, 3, 1),
        },
        {"data_format": "channels_first"},
        ("inputs", "offsets"),
    ),
]
