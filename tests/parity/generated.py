"""Cases that are the same on every backend and in every process.

The arguments and shapes are those of `stress/strategies.py`, picked by NumPy's
generator from the name and the number of a case alone.
"""

import dataclasses
import itertools
import zlib

import numpy as np

import keras_attention as ka
from contract.case import LAYOUTS
from contract.case import arguments
from small_networks import FAMILIES
from small_networks import small
from stress.generated import GeneratedCase
from stress.strategies import CHOICES
from stress.strategies import WIDE
from stress.strategies import generated_case

# No size up to this has a coordinate near a kink: see `off_kinks`.
PRIME = 97


@dataclasses.dataclass(frozen=True)
class ParityCase:
    """A case, its name and number, and the mode that it is called in."""

    name: str
    index: int
    source: GeneratedCase
    training: bool

    @property
    def key(self):
        return f"{self.name}/{self.index}"

    def __str__(self):
        mode = "training" if self.training else "inference"
        return f"{self.key}: {self.source}, {mode}"

    def inputs(self):
        """Return the inputs in `channels_last`."""
        return [
            array if kind == "map" else off_kinks(array)
            for array, kind in zip(
                self.source.inputs(), self.source.kinds, strict=True
            )
        ]

    def layer(self):
        """Return the layer built, with weights that depend on their paths."""
        layer = self.source.layer(initial=True)
        for path, weight in weights(layer).items():
            value = self.source.rng(path).normal(size=weight.shape)
            if path.endswith("moving_variance"):
                value = 0.5 + value**2
            elif path.endswith("norm/beta"):
                # ReLU passes at least half: a unit that it shuts off is not
                # compared, and the next norm sees nothing but rounding.
                value = np.abs(value)
            else:
                value *= self.source.case.weight_scale
            weight.assign(value.astype("float32"))
        return layer


def weights(layer):
    """Return the weights of a layer by their paths in it."""
    by_path = {
        weight.path.removeprefix(f"{layer.name}/"): weight
        for weight in layer.weights
    }
    assert len(by_path) == len(layer.weights)
    return by_path


def off_kinks(array):
    """Return coordinates or offsets that are not close to whole or half pixels.

    There, derivatives and the nearest pixel are discontinuous, so rounding
    would change the results. Of a coordinate k / 97 the position in pixels is a
    multiple of 1 / 194 of the size, and whole or half only where 97 divides k,
    for every size below 97.
    """
    k = np.round(np.asarray(array, "float64") * PRIME)
    k[k % PRIME == 0] += 1
    return (k / PRIME).astype("float32")


def generated(name, index):
    """Return the case of a name and an index, or the next valid one."""
    for attempt in itertools.count():
        pick = picker(name, index + 1000 * attempt)
        found = STRATEGIES[name](pick, WIDE)
        if "kernel_regularizer" in arguments(found.case.layer_cls):
            found.case.kwargs["kernel_regularizer"] = pick(None, "l2")
        found = dataclasses.replace(
            found,
            layout=LAYOUTS[index % 2],
            seed=zlib.crc32(f"{name}/{index}/{attempt}".encode()),
        )
        if fits(found):
            break
    # Random numbers differ between backends, and networks normalize few values
    # by a variance that is mostly rounding error.
    training = name not in ("RecurrentAttention", "networks")
    # Two cases have both modes, and four have both in both data formats.
    in_training = (index + index // 2) % 2 == 1
    return ParityCase(name, index, found, training and in_training)


def fits(found):
    """Return whether windows without padding fit into the map.

    With padding, some tap has to: a path of `SelectiveKernel` that sees nothing
    but zeros normalizes its bias alone, by the roundings of a mean.
    """
    kwargs, (shape, *others) = found.case.kwargs, found.case.shapes
    if found.case.layer_cls is ka.SelectiveKernel:
        even = kwargs["kernel_size"] % 2 == 0
        nearest = (kwargs["paths"] + 1) // 2 if even else 0
        return nearest < min(shape[1:3])
    if kwargs.get("padding", "same") == "same":  # or no such argument
        return True
    padding = 0 if kwargs["padding"] == "valid" else kwargs["padding"]
    padding = np.broadcast_to(padding, 2)
    size = kwargs.get("kernel_size") or others[1][:2]
    windows = (np.array(size) - 1) * kwargs["dilation_rate"] + 1
    return bool((windows <= np.array(shape[1:3]) + 2 * padding).all())


def picker(name, index):
    """Return a function that selects one of its arguments.

    Each of n values is chosen once in n cases by each call of the returned
    function in a strategy. Each call has an order of its own, so few cases
    together contain every value.
    """
    numbers = itertools.count()

    def pick(*values):
        block, turn = divmod(index, len(values))
        seed = [zlib.crc32(name.encode()), next(numbers), block]
        order = np.random.default_rng(seed).permutation(len(values))
        return values[order[turn]]

    return pick


def network(data_format, family, **kwargs):
    """Return a small network of a family, for `Case` to call."""
    if data_format == "channels_first":
        *size, channels = kwargs["input_shape"]
        kwargs["input_shape"] = (channels, *size)
    return small(family, data_format=data_format, **kwargs)


def networks(pick, sizes):
    kwargs = {
        "family": pick(*FAMILIES),
        "include_top": pick(True, False),
        "pooling": pick(None, "avg", "max"),
        "classifier_activation": pick("softmax", None),
    }
    shape = (pick(1, 2), 32, 32, 3)
    options = {"input_shape": shape[1:]}
    return generated_case(
        network, kwargs | options, shape, weight_scale=0.2, tolerance_factor=10
    )


STRATEGIES = dict(sorted(CHOICES.items())) | {"networks": networks}
LAYERS = [name for name in ka.__all__ if hasattr(getattr(ka, name), "build")]
FUNCTIONS = list(ka.ops.__all__)
