"""Handwritten digits: a small network with an attention layer, and without.

    pip install ".[jax,examples]" -c constraints.txt
    python examples/digits.py
    python examples/digits.py --attention sge --seeds 5

Trains both on scikit-learn's digits (1797 scans of 8x8 pixels that come with
that library), from the same seeds, and prints how well they read digits they
were not trained on. Then it saves the last model with attention, loads it in a
fresh process to see that it predicts the same, and plots what it attends to.

The network's size and the number of epochs were chosen by validation within the
training digits; the test digits are only counted. `KERAS_BACKEND` chooses among
the backends that are installed: jax, tensorflow or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import _support

BACKEND = _support.prepare("matplotlib", "sklearn")

import _digits_picture
import _progress
import _scans
import keras
import numpy as np
from keras import layers

import keras_attention

# The option --attention, and the layer it puts into the network.
ATTENTION: dict[str, Callable[..., layers.Layer]] = {
    "se": keras_attention.SqueezeExcite,
    "cbam": keras_attention.CBAM,
    "sge": keras_attention.SpatialGroupEnhance,
    "gct": keras_attention.GatedChannelTransform,
}
# Arguments that suit 32 channels, where the layer's defaults suit more.
ARGUMENTS = {"se": {"reduction": 4}, "sge": {"groups": 8}}

BATCH_SIZE = 64
LEARNING_RATE = 3e-3


class Run(NamedTuple):
    """One trained network, and its results."""

    model: keras.Model
    accuracy: float
    seconds_per_epoch: float


def build_model(attention: str | None) -> keras.Model:
    """Return a network with the named attention layer in it, or with none."""
    inputs = keras.Input((8, 8, 1))
    x = convolve(inputs, 32)
    x = convolve(x, 32)
    if attention:
        arguments = ARGUMENTS.get(attention, {})
        x = ATTENTION[attention](name="attention", **arguments)(x)
    x = layers.MaxPooling2D()(x)
    x = convolve(x, 64)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.3)(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def convolve(x, filters: int):
    """Return `x` after a 3x3 convolution, batch norm and ReLU."""
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x)


def train(
    attention: str | None,
    seed: int,
    epochs: int,
    digits: _scans.Scans,
    progress: _progress.Progress,
) -> Run:
    """Train one network, and compute its test accuracy."""
    keras.utils.set_random_seed(seed)
    model = build_model(attention)
    steps = epochs * _scans.TRAIN_SIZE // BATCH_SIZE
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(
        keras.optimizers.Adam(schedule),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    stopwatch = _progress.Stopwatch()
    progress.run = f"{attention or 'plain'}, seed {seed}"
    model.fit(
        digits.train_images,
        digits.train_labels,
        batch_size=BATCH_SIZE,
        epochs=epochs,
        verbose=0,
        callbacks=[stopwatch, progress],
    )
    classes = predict(model, digits.test_images).argmax(axis=-1)
    accuracy = float(np.mean(classes == digits.test_labels))
    return Run(model, accuracy, stopwatch.median())


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return what `model` predicts for all images as one batch."""
    return model.predict(images, batch_size=len(images), verbose=0)


def print_table(results: dict[str, list[Run]], digits: _scans.Scans) -> None:
    """Print the results of the runs of each model."""
    seeds = len(next(iter(results.values())))
    print(
        f"\n{'model':<18}{'test accuracy':>16}{'parameters':>12}{'s/epoch':>9}"
    )
    for name, runs in results.items():
        accuracies = [run.accuracy for run in runs]
        accuracy = f"{statistics.mean(accuracies):.4f}"
        if seeds > 1:
            accuracy += f" ± {statistics.stdev(accuracies):.4f}"
        parameters = f"{runs[0].model.count_params():,}"
        seconds = statistics.median(run.seconds_per_epoch for run in runs)
        print(f"{name:<18}{accuracy:>16}{parameters:>12}{seconds:>9.2f}")
    summary = "mean ± standard deviation over" if seeds > 1 else "of"
    print(
        f"Accuracy: {summary} {seeds} seed{'s' * (seeds > 1)}, "
        f"{len(digits.test_labels)} held-out digits.\n"
        "Seconds per epoch: the median, without the first if there are more.\n"
        f"Backend: {BACKEND}\n"
    )


def check_reloading(model: keras.Model, path: Path, images: np.ndarray) -> None:
    """Save `model`, and compare what a fresh process predicts with it."""
    model.save(path)
    reader = Path(__file__).with_name("_predict.py")
    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = Path(folder, "x.npy"), Path(folder, "y.npy")
        np.save(inputs, images)
        command = [sys.executable, reader, path, inputs, outputs]
        subprocess.run(command, check=True)
        reloaded = np.load(outputs)
    if not np.array_equal(reloaded, predict(model, images)):
        sys.exit(f"{path} predicts otherwise in a fresh process.")
    print(
        "reloaded in a fresh process: predictions identical "
        f"({len(images)} digits)"
    )


def attention_of(
    model: keras.Model, images: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the attention that `images` get, spatial and by channel."""
    layer = model.get_layer("attention")
    attention = layer.attention(
        predict(keras.Model(model.input, layer.input), images)
    )
    if not isinstance(attention, dict):
        is_spatial = attention.shape[1] > 1
        attention = {"spatial" if is_spatial else "channel": attention}
    return keras.tree.map_structure(keras.ops.convert_to_numpy, attention)


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Train a small network on handwritten digits, with an "
        "attention layer and without, and plot the attention of the layer."
    )
    parser.add_argument(
        "--attention",
        choices=ATTENTION,
        default="cbam",
        help="the attention layer (default: %(default)s)",
    )
    _support.add_options(parser, epochs=20, output="output/digits")
    return parser.parse_args()


def main() -> None:
    """Train, print the results, save, reload and plot."""
    options = parse_options()
    keras.config.set_image_data_format("channels_last")
    print(f"Keras {keras.__version__} on {BACKEND}", flush=True)
    digits = _scans.load()
    progress = _progress.Progress(2 * options.seeds * options.epochs)
    results: dict[str, list[Run]] = {}
    for seed in range(options.seeds):
        for name in (None, options.attention):
            run = train(name, seed, options.epochs, digits, progress)
            results.setdefault(name or "plain", []).append(run)
    print_table(results, digits)

    model = results[options.attention][-1].model
    path = options.output / f"digits_{options.attention}.keras"
    check_reloading(model, path, digits.test_images)
    picture = path.with_suffix(".png")
    _digits_picture.plot(
        picture,
        f"What {ATTENTION[options.attention].__name__} attends to, in digits "
        "that the network was not trained on",
        digits.test_images,
        digits.test_labels,
        attention_of(model, digits.test_images),
    )
    print(f"model:   {path}\npicture: {picture}")
    accuracy = statistics.mean(r.accuracy for r in results[options.attention])
    print(f"test accuracy: {accuracy:.2f}")


if __name__ == "__main__":
    main()
