"""What happens when a model looks around, and how likely it was."""

import dataclasses
import math
from typing import Any

import keras
from keras import ops

from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@dataclasses.dataclass(frozen=True)
class Runs:
    """One run for each sample: tensors of `(samples, ...)`."""

    probabilities: Any  # of the classes
    locations: Any  # (samples, glimpses, 2), places that were looked at
    baselines: Any  # (samples, glimpses), rewards that were expected
    log_probabilities: Any  # (samples, glimpses), of the places chosen


class Handover:
    """The runs of a training step, on their way from prediction to loss.

    It holds nothing but within the context that it is, so that no tensor, or
    tracer of a compiler, outlives the step.
    """

    def __init__(self) -> None:
        self._is_open = False
        self._given: tuple[Any, Runs] | None = None

    def __enter__(self) -> None:
        self._is_open = True

    def __exit__(self, *error: Any) -> None:
        self._is_open = False
        self._given = None

    def give(self, outputs: Any, runs: Runs) -> None:
        """Keep the runs that led to some outputs, within a step."""
        if self._is_open:
            self._given = outputs, runs

    def take(self, outputs: Any) -> Runs | None:
        """Return the runs that led to these very outputs, only once."""
        given, self._given = self._given, None
        return given[1] if given and given[0] is outputs else None


def log_probability(places, means, stddev: float):
    """Return the logarithms of normal densities of points of a plane."""
    distance = ops.sum(ops.square((places - means) / stddev), axis=-1)
    return -distance / 2 - math.log(2 * math.pi * stddev**2)


def loss_of_places(runs: Runs, labels, reinforce_weight: float, weights):
    """Return the loss of the baseline, and of what chooses the places.

    Args:
        runs: What happened.
        labels: Integers, or rows of one-hot.
        reinforce_weight: The share of REINFORCE.
        weights: Of the samples, or `None`.
    """
    told = ops.argmax(runs.probabilities, axis=-1)
    reward = told == _as_integers(labels, runs.probabilities.shape[-1])
    reward = ops.cast(reward, runs.baselines.dtype)[:, None]
    advantage = ops.stop_gradient(reward - runs.baselines)
    reinforce = -ops.sum(advantage * runs.log_probabilities, axis=1)
    square = reductions.upcast_mean(ops.square(reward - runs.baselines), (1,))
    loss = square + reinforce_weight * reinforce
    mean = _Mean(name="mean", dtype=keras.backend.standardize_dtype(loss.dtype))
    return mean(loss, loss, sample_weight=weights)


def _as_integers(labels, num_classes: int):
    if len(labels.shape) == 2 and labels.shape[-1] == num_classes > 1:
        labels = ops.argmax(labels, axis=-1)
    return ops.cast(reshaping.reshape(labels, (-1,)), "int32")


class _Mean(keras.losses.Loss):
    """Weighs losses that are known and takes their mean, as Keras does."""

    def call(self, y_true, y_pred):
        return y_pred
