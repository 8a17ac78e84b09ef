"""Train a classifier on distorted digits, and count what it gets wrong."""

import _progress
import keras
import numpy as np

EVALUATED_AT_ONCE = 512


def train(
    model: keras.Model,
    data: keras.utils.PyDataset,
    *,
    epochs: int,
    learning_rate: float,
    progress: _progress.Progress,
    run: str,
) -> float:
    """Train `model`, and return the seconds that an epoch took.

    Args:
        model: It gives a probability of each class.
        data: Batches of images and classes.
        epochs: How often to go through the data.
        learning_rate: That of the first step, which falls to zero.
        progress: Where it is shown.
        run: The name that is shown there.
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
    model.fit(data, epochs=epochs, verbose=0, callbacks=[stopwatch, progress])
    return stopwatch.median()


def classes(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the class that `model` gives each image."""
    return predict(model, images).argmax(axis=-1)


def error(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    """Return how many images in a hundred `model` gets wrong."""
    return 100 * float(np.mean(classes(model, images) != labels))


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return what `model` makes of the images, in batches of one size."""
    missing = -len(images) % EVALUATED_AT_ONCE
    padded = np.concatenate([images, images[np.zeros(missing, int)]])
    outputs = model.predict(padded, batch_size=EVALUATED_AT_ONCE, verbose=0)
    return outputs[: len(images)]
