"""Training and evaluation of networks on distorted digits."""

import argparse
import statistics
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

import _distorted
import _progress
import _scans
import keras
import numpy as np

EVALUATED_AT_ONCE = 512
ROUNDS = 15
SECONDS = 60  # after which no round of measurements starts
WARM_UP = 3


class Task(NamedTuple):
    """Training digits and distorted test digits.

    Attributes:
        scans: The digits to train on.
        distortion: The distortion of the digits.
        images: Distorted test digits.
        labels: Their classes.
    """

    scans: _scans.Scans
    distortion: _distorted.Distortion
    images: np.ndarray
    labels: np.ndarray


def make_task(
    options: argparse.Namespace, distortion: _distorted.Distortion
) -> Task:
    """Return the task for the options of `_support.add_data_options`."""
    scans = _scans.load(options.data, options.train, options.validate)
    images, labels = _distorted.held_out(scans, distortion, copies=4)
    return Task(scans, distortion, images, labels)


def compare(
    builders: Mapping[str, Callable[[], keras.Model]],
    task: Task,
    *,
    epochs: int,
    seeds: int,
    batch_size: int,
    learning_rate: float,
    first_seed: int = 0,
    tests: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
) -> tuple[dict[str, list[dict[str, float]]], dict[str, keras.Model]]:
    """Train networks from the same seeds, on the same images.

    Args:
        builders: Functions that build the networks, by their names.
        task: The digits.
        epochs: Number of epochs.
        seeds: Number of seeds.
        batch_size: Number of images of a training step.
        learning_rate: Learning rate of the first step; it decays to zero.
        first_seed: The first of the seeds; the others follow it.
        tests: Other test images and their classes, by a name. The rows have
            the error in percent under this name.

    Returns:
        The results of each network, the rows of `_table.markdown`; and
        the network of the last run.
    """
    progress = _progress.Progress(len(builders) * seeds * epochs)
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in builders}
    models = {}
    for seed in range(first_seed, first_seed + seeds):
        for name, build in builders.items():
            keras.utils.set_random_seed(seed)
            models[name] = model = build()
            data = _distorted.Epochs(
                task.scans, task.distortion, batch_size=batch_size, seed=seed
            )
            seconds = train(
                model,
                data,
                epochs=epochs,
                learning_rate=learning_rate,
                progress=progress,
                run=f"{name}, seed {seed}",
            )
            wrong = error(model, task.images, task.labels)
            rows[name].append(
                {
                    "error in %": wrong,
                    "accuracy in %": 100 - wrong,
                    "parameters": model.count_params(),
                    "s/epoch": seconds,
                    **{
                        test: error(model, *images)
                        for test, images in (tests or {}).items()
                    },
                }
            )
    return rows, models


def train(
    model: keras.Model,
    data: keras.utils.PyDataset,
    *,
    epochs: int,
    learning_rate: float,
    progress: _progress.Progress,
    run: str,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> float:
    """Train `model`, and return the median seconds of an epoch.

    Args:
        model: A network with class probabilities as outputs, of images or of
            pixels.
        data: Batches of images and classes.
        epochs: Number of epochs.
        learning_rate: Learning rate of the first step; it decays to zero.
        progress: The progress bar.
        run: The name in the progress bar.
        callbacks: Further callbacks.
    """
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate, epochs * len(data)
    )
    model.compile(
        keras.optimizers.Adam(schedule),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    stopwatch = _progress.Stopwatch()
    progress.run = run
    model.fit(
        data,
        epochs=epochs,
        verbose=0,
        callbacks=[stopwatch, progress, *callbacks],
    )
    return stopwatch.median()


def classes(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the predicted class of each image."""
    return predict(model, images).argmax(axis=-1)


def error(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the error of `model` in percent."""
    return 100 * float(np.mean(classes(model, images) != labels))


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the outputs of `model`, computed in batches of equal size."""
    missing = -len(images) % EVALUATED_AT_ONCE
    padded = np.concatenate([images, images[np.zeros(missing, int)]])
    outputs = model.predict(padded, batch_size=EVALUATED_AT_ONCE, verbose=0)
    return outputs[: len(images)]


def milliseconds(
    models: Mapping[str, keras.Model], batch: tuple[np.ndarray, np.ndarray]
) -> dict[str, float]:
    """Return the median time of a training step of each network.

    In each round, each network is trained for one step, one after another.
    """
    for model in models.values():
        model.compile("adam", "sparse_categorical_crossentropy")
        for _ in range(WARM_UP):
            model.train_on_batch(*batch)
    seconds: dict[str, list[float]] = {name: [] for name in models}
    start = time.perf_counter()
    for number in _progress.track(range(ROUNDS), "round of measurements"):
        if number and time.perf_counter() - start > SECONDS:
            break
        for name, model in models.items():
            before = time.perf_counter()
            model.train_on_batch(*batch)
            seconds[name].append(time.perf_counter() - before)
    return {name: 1e3 * statistics.median(x) for name, x in seconds.items()}
