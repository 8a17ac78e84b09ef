"""Spatial transformer: digits rotated, scaled, translated and in clutter.

    pip install ".[jax,examples]" -c constraints.txt
    python examples/spatial_transformer.py
    python examples/spatial_transformer.py --transform attention
    python examples/spatial_transformer.py --data mnist --epochs 5

Trains a small network on distorted digits, and one with as many parameters that
starts with a spatial transformer. Prints the error of each on test digits, and
plots the sampling grid and the output of the transformer for some digits.

The sizes, the learning rate and the number of epochs were chosen by validation
within the training digits (`--validate`); the test digits are only counted.
`docs/results.md` has the table of a run, and what else was tried.
`KERAS_BACKEND` chooses among the backends that are installed: jax, tensorflow
or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse

import _support

BACKEND = _support.prepare("matplotlib", "sklearn")

import _distorted
import _table
import _training
import _transformer_picture
import keras
import numpy as np
from keras import layers
from keras import ops

import keras_attention

CANVAS = 40
SEEN = 20  # the side of the transformer's output
DISTORTION = _distorted.Distortion(
    canvas=CANVAS,
    digit=20,
    rotation=60,
    scale=(0.5, 1.3),
    translation=1,
    clutter=4,
    piece=6,
)
TRANSFORMS = ("affine", "attention", "translation", "projective", "tps")
BATCH_SIZE = 32
LEARNING_RATE = 1e-2
COLUMNS = {"error in %": ".2f", "parameters": ",d", "s/epoch": ".2f"}


class Keypoints(layers.Layer):
    """Spatial softmax: the mean location `(u, v)` of each channel.

    From `(batch, height, width, channels)` to `(batch, 2 * channels)`.
    Locations from -1 to 1 are weighted by the softmax of a channel.
    """

    def call(self, x):
        _, height, width, channels = x.shape
        locations = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        v, u = (
            ops.convert_to_tensor(along.reshape(-1, 1), x.dtype)
            for along in locations
        )
        scores = ops.reshape(x, (-1, height * width, channels))
        weights = ops.softmax(scores, axis=1)
        return ops.concatenate(
            [ops.sum(weights * u, axis=1), ops.sum(weights * v, axis=1)],
            axis=-1,
        )

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2 * input_shape[-1])


def build_plain() -> keras.Model:
    """Return a network without a spatial transformer."""
    inputs = keras.Input((CANVAS, CANVAS, 1))
    x = convolve(inputs, 12, 5, strides=2)
    x = convolve(x, 24)
    x = layers.MaxPooling2D()(x)
    x = convolve(x, 32)
    x = layers.MaxPooling2D()(x)
    x = convolve(x, 50)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def build_transforming(transform: str) -> keras.Model:
    """Return a network that starts with a spatial transformer."""
    inputs = keras.Input((CANVAS, CANVAS, 1))
    x = keras_attention.SpatialTransformer(
        build_localization(),
        transform=transform,
        output_size=SEEN,
        name="transformer",
    )(inputs)
    x = convolve(x, 16)
    x = layers.MaxPooling2D()(x)
    x = convolve(x, 32)
    x = layers.MaxPooling2D()(x)
    x = convolve(x, 32)
    x = layers.Flatten()(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def build_localization() -> keras.Model:
    """Return the localization network."""
    inputs = keras.Input((CANVAS, CANVAS, 1))
    x = layers.AveragePooling2D(2)(inputs)
    x = convolve(x, 8, 5)
    x = layers.MaxPooling2D()(x)
    x = convolve(x, 16, 5)
    x = layers.Conv2D(6, 1)(x)
    return keras.Model(inputs, Keypoints()(x), name="localization")


def convolve(x, filters: int, size: int = 3, strides: int = 1):
    """Return `x` after a convolution, batch normalization and ReLU."""
    x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x)


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Train a small network on distorted digits with a spatial "
        "transformer and without, and plot its sampling locations."
    )
    parser.add_argument(
        "--transform",
        choices=TRANSFORMS,
        default="affine",
        help="what the transformer may do (default: %(default)s)",
    )
    _support.add_data_options(parser)
    _support.add_options(parser, epochs=40, output="output/spatial_transformer")
    return parser.parse_args()


def main() -> None:
    """Train, print the results and plot them."""
    options = parse_options()
    keras.config.set_image_data_format("channels_last")
    print(f"Keras {keras.__version__} on {BACKEND}", flush=True)
    task = _training.make_task(options, DISTORTION)
    rows, models = _training.compare(
        {
            "plain": build_plain,
            "transformer": lambda: build_transforming(options.transform),
        },
        task,
        epochs=options.epochs,
        seeds=options.seeds,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
    )
    print(f"\n{_table.markdown('network', COLUMNS, rows)}\n")
    print(_table.about(options.seeds, len(task.images), BACKEND))

    path = options.output / "spatial_transformer.png"
    _transformer_picture.plot(path, models, task.images, task.labels)
    print(f"\npicture: {path}")


if __name__ == "__main__":
    main()
