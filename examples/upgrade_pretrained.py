"""Attention inserted into a trained network, which then learns new classes.

    pip install ".[jax,examples]" -c constraints.txt
    python examples/upgrade_pretrained.py
    python examples/upgrade_pretrained.py --few 10 --seeds 5

Trains a small residual network on distorted digits from 0 to 4 and saves it.
Then loads it, inserts attention into its residual branches, and shows that the
predictions do not change. Then trains the network with and without attention on
a few digits from 5 to 9, from the same seeds. Prints the errors on digits that
the networks were not trained on, and plots the learning curves.

`docs/results.md` has the table of a run. `KERAS_BACKEND` chooses among the
backends that are installed: jax, tensorflow or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse
from collections.abc import Callable
from pathlib import Path

import _support

BACKEND = _support.prepare("matplotlib", "sklearn")

import _distorted
import _progress
import _scans
import _table
import _training
import _upgrade_picture
import keras
import numpy as np
from keras import layers

import keras_attention

DISTORTION = _distorted.Distortion(
    canvas=28, digit=20, rotation=45, scale=(0.6, 1.2), translation=1
)
BATCH_SIZE = 32
LEARNING_RATE = 1e-2
FINE_TUNING_RATE = 3e-3
COLUMNS = {"error in %": ".2f", "parameters": ",d", "s/epoch": ".2f"}

# One network for each entry, named after the inserted layer.
ATTENTION: dict[str, Callable[[], keras.layers.Layer] | None] = {
    "plain": None,
    "SqueezeExcite": lambda: keras_attention.SqueezeExcite(4),
    "CBAM": lambda: keras_attention.CBAM(4, kernel_size=5),
}


def build_model() -> keras.Model:
    """Return a residual network of four blocks, for five classes."""
    inputs = keras.Input((DISTORTION.canvas, DISTORTION.canvas, 1))
    x = convolve(inputs, 16, 2)
    for filters, strides in ((16, 1), (32, 2), (32, 1), (64, 2)):
        y = layers.ReLU()(convolve(x, filters, strides))
        y = convolve(y, filters)
        if strides > 1:
            x = convolve(x, filters, strides, size=1)
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D(name="features")(x)
    outputs = layers.Dense(5, activation="softmax", name="head")(x)
    return keras.Model(inputs, outputs)


def convolve(x, filters: int, strides: int = 1, size: int = 3):
    """Return `x` after a convolution and batch normalization."""
    x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9)(x)


def of_classes(
    scans: _scans.Scans, first: int, few: int | None = None
) -> _scans.Scans:
    """Return the digits of five classes from `first` on, as classes 0 to 4.

    Args:
        scans: All digits.
        first: The smallest of the five digits.
        few: Number of training images of each class; `None` for all.
    """
    train = [
        np.flatnonzero(scans.train_labels == label)[:few]
        for label in range(first, first + 5)
    ]
    chosen = np.sort(np.concatenate(train))
    test = np.flatnonzero(
        (scans.test_labels >= first) & (scans.test_labels < first + 5)
    )
    return _scans.Scans(
        scans.train_images[chosen],
        scans.test_images[test],
        scans.train_labels[chosen] - first,
        scans.test_labels[test] - first,
    )


def upgrade(path: Path, name: str) -> keras.Model:
    """Return the saved network with the named attention in its branches."""
    model = keras.saving.load_model(path, compile=False)
    make = ATTENTION[name]
    if make is None:
        return model
    return keras_attention.attach(
        model, make(), where=keras_attention.branch_ends(model)
    )


def show_identity(path: Path, images: np.ndarray) -> None:
    """Print the differences in predictions after attention is inserted."""
    plain = _training.predict(upgrade(path, "plain"), images)
    for name, make in ATTENTION.items():
        if make is not None:
            upgraded = _training.predict(upgrade(path, name), images)
            difference = np.abs(upgraded - plain).max()
            print(
                f"{name} attached: predictions differ by at most "
                f"{difference:.0e} on {len(images):,} images"
            )


def renew_head(model: keras.Model) -> keras.Model:
    """Return the network with a new last layer, for other classes."""
    head = layers.Dense(5, activation="softmax", name="new_head")
    features = model.get_layer("features").output
    return keras.Model(model.inputs, head(features))


class Curve(keras.callbacks.Callback):
    """Callback that records the error on test images after each epoch."""

    def __init__(self, task: _training.Task):
        super().__init__()
        self.task = task
        self.errors: list[float] = []

    def on_epoch_end(self, epoch, logs=None):
        self.errors.append(
            _training.error(self.model, self.task.images, self.task.labels)
        )


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Train a small network on the digits 0 to 4, insert "
        "attention, and train it on a few digits from 5 to 9."
    )
    parser.add_argument(
        "--few",
        type=_support.positive_integer,
        default=20,
        metavar="COUNT",
        help="number of images of each new class (default: %(default)s)",
    )
    _support.add_data_options(parser)
    _support.add_options(parser, epochs=20, output="output/upgrade_pretrained")
    return parser.parse_args()


def task_of(scans: _scans.Scans) -> _training.Task:
    """Return the training digits, and distorted test digits."""
    images, labels = _distorted.held_out(scans, DISTORTION, copies=4)
    return _training.Task(scans, DISTORTION, images, labels)


def main() -> None:
    """Train, insert attention, train again, and save a table and a plot."""
    options = parse_options()
    keras.config.set_image_data_format("channels_last")
    print(f"Keras {keras.__version__} on {BACKEND}", flush=True)
    scans = _scans.load(options.data, options.train, options.validate)
    old = task_of(of_classes(scans, 0))
    new = task_of(of_classes(scans, 5, options.few))
    runs = options.seeds * (1 + len(ATTENTION))
    progress = _progress.Progress(runs * options.epochs)

    def train(model, task, run, *, copies, rate, seed, callbacks=()):
        data = _distorted.Epochs(
            task.scans,
            DISTORTION,
            batch_size=BATCH_SIZE,
            seed=seed,
            copies=copies,
        )
        return _training.train(
            model,
            data,
            epochs=options.epochs,
            learning_rate=rate,
            progress=progress,
            run=f"{run}, seed {seed}",
            callbacks=callbacks,
        )

    path = options.output / "digits_0_to_4.keras"
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in ATTENTION}
    curves: dict[str, list[list[float]]] = {name: [] for name in ATTENTION}
    for seed in range(options.seeds):
        keras.utils.set_random_seed(seed)
        model = build_model()
        train(model, old, "0 to 4", copies=1, rate=LEARNING_RATE, seed=seed)
        model.save(path)
        if not seed:
            wrong = _training.error(model, old.images, old.labels)
            print(f"error on 0 to 4: {wrong:.2f} %, saved as {path}")
            show_identity(path, old.images)
        for name in ATTENTION:
            keras.utils.set_random_seed(seed)
            model = renew_head(upgrade(path, name))
            curve = Curve(new)
            seconds = train(
                model,
                new,
                name,
                copies=4,
                rate=FINE_TUNING_RATE,
                seed=seed,
                callbacks=[curve],
            )
            curves[name].append(curve.errors)
            rows[name].append(
                {
                    "error in %": curve.errors[-1],
                    "parameters": model.count_params(),
                    "s/epoch": seconds,
                }
            )
    print(f"\n{_table.markdown('attached', COLUMNS, rows)}\n")
    print(_table.about(options.seeds, len(new.images), BACKEND))
    picture = options.output / "upgrade_pretrained.png"
    _upgrade_picture.plot(picture, curves, len(new.scans.train_labels))
    print(f"\npicture: {picture}")


if __name__ == "__main__":
    main()
