"""What happens when a model looks around, and how likely it was."""

import dataclasses
import math
from typing import Any

from keras import ops


@dataclasses.dataclass(frozen=True)
class Runs:
    """One run for each sample: tensors of `(samples, ...)`."""

    probabilities: Any  # of the classes
    locations: Any  # (samples, glimpses, 2), places that were looked at
    baselines: Any  # (samples, glimpses), rewards that were expected
    log_probabilities: Any  # (samples, glimpses), of the places chosen


def log_probability(places, means, stddev: float):
    """Return the logarithms of normal densities of points of a plane."""
    distance = ops.sum(ops.square((places - means) / stddev), axis=-1)
    return -distance / 2 - math.log(2 * math.pi * stddev**2)


def label_of(y, num_classes: int):
    """Return labels as integers, from integers or from rows of one-hot."""
    if len(y.shape) == 2 and y.shape[-1] == num_classes:
        return ops.argmax(y, axis=-1)
    return ops.cast(ops.reshape(y, (-1,)), "int32")
