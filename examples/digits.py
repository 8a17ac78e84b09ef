"""Small digits in large images: the same task with attention, and without.

    python -m pip install ".[jax,examples]" -c constraints.txt
    python examples/digits.py
    python examples/digits.py --attention cbam
    python examples/digits.py --first-seed 3

Each image has a digit of about 12 pixels at any location of 48 x 48 pixels,
rotated and scaled, among pieces of other digits. The digits are scikit-learn's
1797 scans, which come with that library, with new distortions in each epoch.
Two networks with about as many parameters are trained from the same seeds: one
with convolutions only, and one with a spatial transformer, which selects the
part of the image that the rest of the network reads. The table has their errors
on digits that they were not trained on, and a sentence says whether they differ
by more than two standard deviations over the seeds.

Then the script saves the last model with attention, loads it in a fresh process
to check that it predicts the same, and plots what it attends to. With another
`--attention`, that layer is inserted into the first network instead.

The task, the sizes and the learning rate were chosen by validation within the
training digits (`--validate`); the test digits are only counted.
`docs/results.md` has the tables of several runs. `KERAS_BACKEND` chooses among
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

import _support

BACKEND = _support.prepare("matplotlib", "sklearn")
_support.cache_compilations()

import _backbone
import _digits_picture
import _distorted
import _table
import _training
import _transformer_picture
import _verdict
import keras
import numpy as np
from keras import layers
from keras import ops

import keras_attention

PLAIN = "plain"
TRANSFORMER = "transformer"
# Layers for the plain network by the option --attention, with arguments that
# suit 24 channels.
LAYERS: dict[str, Callable[..., layers.Layer]] = {
    "se": keras_attention.SqueezeExcite,
    "cbam": keras_attention.CBAM,
    "sge": keras_attention.SpatialGroupEnhance,
    "gct": keras_attention.GatedChannelTransform,
}
ARGUMENTS = {"se": {"reduction": 4}, "sge": {"groups": 8}}

CANVAS = 48
DISTORTION = _distorted.Distortion(
    canvas=CANVAS,
    digit=12,
    rotation=20,
    scale=(0.8, 1.3),
    translation=1,
    clutter=6,
    piece=4,
)
SEEN = 16  # the side of the transformer's output
SIDE = 0.5  # the side of its frame at first, as a share of the image
COARSE = CANVAS // 3  # the side of the image that it selects the frame by
INK = 20  # the score of a position that is surrounded by ink, at first

BATCH_SIZE = 32
LEARNING_RATE = 1e-2
COLUMNS = {
    "error in %": ".2f",
    "parameters": ",d",
    "multiply-adds": ",d",
    "s/epoch": ".2f",
}


def build_plain(attention: str | None = None) -> keras.Model:
    """Return a network of convolutions, with the named layer or without."""
    inputs = keras.Input((CANVAS, CANVAS, 1))
    x = convolve(inputs, 12, 5, strides=2)
    x = layers.MaxPooling2D()(x)
    x = convolve(x, 24)
    if attention:
        arguments = ARGUMENTS.get(attention, {})
        x = LAYERS[attention](name="attention", **arguments)(x)
    x = convolve(x, 32)
    x = layers.MaxPooling2D()(x)
    return keras.Model(inputs, classify(convolve(x, 48)))


def build_transforming() -> keras.Model:
    """Return a network that reads what a spatial transformer selects."""
    inputs = keras.Input((CANVAS, CANVAS, 1))
    x = keras_attention.SpatialTransformer(
        build_localization(),
        transform="attention",  # a scale and a translation
        output_size=SEEN,
        kernel_initializer="identity",
        name=TRANSFORMER,
    )(inputs)
    x = convolve(x, 16)
    x = layers.MaxPooling2D()(x)
    x = convolve(x, 32)
    x = layers.MaxPooling2D()(x)
    return keras.Model(inputs, classify(convolve(x, 48)))


def build_localization() -> keras.Model:
    """Return the localization network: a spatial softmax of a coarse image.

    Each position of the coarse image has a score, and proposes a side of the
    frame. The frame has the mean location and the mean side, weighted by the
    softmax of the scores. Before the training, the score is the amount of ink
    around the position, and the side is half of the image's: without this
    start, the frame misses most digits, and their classes do not teach the
    network where they are.

    The outputs are what the transformer adds to a scale of 1, and the location
    `(u, v)`, from -1 to 1.
    """
    inputs = keras.Input((CANVAS, CANVAS, 1))
    coarse = layers.AveragePooling2D(CANVAS // COARSE)(inputs)
    ink = layers.Conv2D(
        1,
        5,
        padding="same",
        use_bias=False,
        kernel_initializer=keras.initializers.Constant(INK / 5**2),
    )(coarse)
    x = convolve(convolve(coarse, 8), 16, 5)
    score, side = (
        layers.Conv2D(1, 1, use_bias=False, kernel_initializer="zeros")(x)
        for _ in range(2)
    )
    rows = (COARSE**2, 1)
    weights = layers.Softmax(axis=1)(layers.Reshape(rows)(ink + score))
    scale = SIDE - 1 + 0.15 * ops.tanh(layers.Reshape(rows)(side))
    # The centers of the coarse pixels.
    end = 1 - 1 / COARSE
    v, u = np.mgrid[-end : end : COARSE * 1j, -end : end : COARSE * 1j]
    locations = np.stack([u.ravel(), v.ravel()]).astype("float32")
    outputs = ops.concatenate(
        [
            ops.sum(weights * scale, axis=1),
            ops.squeeze(ops.matmul(locations, weights), axis=-1),
        ],
        axis=-1,
    )
    return keras.Model(inputs, outputs, name="localization")


def convolve(x, filters: int, size: int = 3, strides: int = 1):
    """Return `x` after a convolution, batch normalization and ReLU."""
    x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x)


def classify(x):
    """Return the probabilities of the classes for a map."""
    x = layers.GlobalAveragePooling2D()(x)
    return layers.Dense(10, activation="softmax")(x)


def builders_of(attention: str) -> dict[str, Callable[[], keras.Model]]:
    """Return functions that build both networks, by their names."""
    if attention == TRANSFORMER:
        return {PLAIN: build_plain, TRANSFORMER: build_transforming}
    return {PLAIN: build_plain, attention: lambda: build_plain(attention)}


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return what `model` predicts for all images as one batch."""
    return model.predict(images, batch_size=len(images), verbose=0)


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
        f"({len(images):,} images)"
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
        description="Train a small network on small digits in large images, "
        "with attention and without, and plot the attention."
    )
    parser.add_argument(
        "--attention",
        choices=(TRANSFORMER, *LAYERS),
        default=TRANSFORMER,
        help="a spatial transformer, or the layer to insert into the plain "
        "network (default: %(default)s)",
    )
    parser.add_argument(
        "--first-seed",
        type=_support.seed,
        default=0,
        help="the first of the random seeds (default: %(default)s)",
    )
    _support.add_data_options(parser)
    _support.add_options(parser, epochs=25, output="output/digits")
    return parser.parse_args()


def plot(
    path: Path, models: dict[str, keras.Model], task: _training.Task
) -> None:
    """Save a plot of what the network with attention attends to."""
    model = list(models.values())[-1]
    if TRANSFORMER in models:
        _transformer_picture.plot(path, models, task.images, task.labels)
        return
    layer = model.get_layer("attention")
    _digits_picture.plot(
        path,
        f"What {type(layer).__name__} attends to, in images of digits that "
        "the network was not trained on",
        task.images,
        task.labels,
        attention_of(model, task.images),
    )


def main() -> None:
    """Train, print the results, save, reload and plot."""
    options = parse_options()
    keras.config.set_image_data_format("channels_last")
    print(f"Keras {keras.__version__} on {BACKEND}", flush=True)
    task = _training.make_task(options, DISTORTION)
    builders = builders_of(options.attention)
    rows, models = _training.compare(
        builders,
        task,
        epochs=options.epochs,
        seeds=options.seeds,
        first_seed=options.first_seed,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
    )
    for name, runs in rows.items():
        for run in runs:
            run["multiply-adds"] = _backbone.multiply_adds(models[name])
    print(f"\n{_table.markdown('network', COLUMNS, rows)}\n")
    print(_verdict.fewer_errors(rows))
    print(_table.about(options.seeds, len(task.images), BACKEND) + "\n")

    model = models[options.attention]
    path = options.output / f"digits_{options.attention}.keras"
    check_reloading(model, path, task.images)
    picture = path.with_suffix(".png")
    plot(picture, models, task)
    print(f"model:   {path}\npicture: {picture}")
    error = statistics.mean(r["error in %"] for r in rows[options.attention])
    print(f"test accuracy: {1 - error / 100:.2f}")


if __name__ == "__main__":
    main()
