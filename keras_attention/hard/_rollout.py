"""Rollouts of a recurrent attention model, and their REINFORCE loss."""

import dataclasses
import math
from typing import Any

import keras
from keras import ops

from keras_attention.ops import reductions
from keras_attention.ops import reshaping


@dataclasses.dataclass(frozen=True)
class Rollout:
    """The results of one sequence of glimpses, tensors `(samples, ...)`."""

    probabilities: Any  # of the classes
    locations: Any  # (samples, glimpses, 2)
    baselines: Any  # (samples, glimpses), expected rewards
    log_probabilities: Any  # (samples, glimpses), of the locations


class StepCache:
    """Passes the rollout of a training step from `call` to `compute_loss`.

    The cache is a context manager. It is empty outside the context, so that no
    tensor or tracer outlives the step.
    """

    def __init__(self) -> None:
        self._is_open = False
        self._stored: tuple[Any, Rollout] | None = None

    def __enter__(self) -> None:
        self._is_open = True

    def __exit__(self, *error: Any) -> None:
        self._is_open = False
        self._stored = None

    def store(self, outputs: Any, rollout: Rollout) -> None:
        """Store the rollout that produced `outputs`, within a step."""
        if self._is_open:
            self._stored = outputs, rollout

    def take(self, outputs: Any) -> Rollout | None:
        """Remove and return the rollout that produced `outputs`."""
        stored, self._stored = self._stored, None
        return stored[1] if stored and stored[0] is outputs else None


def log_probability(points, means, stddev: float):
    """Return the log probability of 2D points under a normal distribution."""
    distance = ops.sum(ops.square((points - means) / stddev), axis=-1)
    return -distance / 2 - math.log(2 * math.pi * stddev**2)


def reinforce_loss(rollout: Rollout, labels, reinforce_weight: float, weights):
    """Return the loss of the baseline plus the REINFORCE loss of the locations.

    Args:
        rollout: The rollout of each sample.
        labels: Class indices, or one-hot vectors.
        reinforce_weight: Weight of the REINFORCE term.
        weights: Weights of the samples, or `None`.
    """
    predicted = ops.argmax(rollout.probabilities, axis=-1)
    reward = predicted == _as_integers(labels, rollout.probabilities.shape[-1])
    reward = ops.cast(reward, rollout.baselines.dtype)[:, None]
    advantage = ops.stop_gradient(reward - rollout.baselines)
    reinforce = -ops.sum(advantage * rollout.log_probabilities, axis=1)
    square = reductions.upcast_mean(
        ops.square(reward - rollout.baselines), (1,)
    )
    loss = square + reinforce_weight * reinforce
    mean = _Mean(name="mean", dtype=keras.backend.standardize_dtype(loss.dtype))
    return mean(loss, loss, sample_weight=weights)


def _as_integers(labels, num_classes: int):
    if len(labels.shape) == 2 and labels.shape[-1] == num_classes > 1:
        labels = ops.argmax(labels, axis=-1)
    return ops.cast(reshaping.reshape(labels, (-1,)), "int32")


class _Mean(keras.losses.Loss):
    """Return the weighted mean of losses, as Keras computes it."""

    def call(self, y_true, y_pred):
        return y_pred
