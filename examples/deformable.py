"""Deformable convolution: digits of very different sizes.

    pip install ".[jax,examples]" -c constraints.txt
    python examples/deformable.py
    python examples/deformable.py --data fashion_mnist --train 4000

Trains a small network on digits that are scaled by factors from a third to one,
anywhere in the image. Its last two convolutions are ordinary ones; or they read
a map that is resampled by offsets (`ConvOffset2D`); or they are deformable, of
v1, or of v2, which has a mask. Prints the error of each, for digits of all
sizes and for small, medium and large digits.

Plots where the last deformable convolution samples the image around the center
of a digit of each size. `docs/results.md` has the table of a run.
`KERAS_BACKEND` chooses among the backends that are installed: jax, tensorflow
or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse
from collections.abc import Callable
from functools import partial

import _support

BACKEND = _support.prepare("matplotlib", "sklearn")
_support.cache_compilations()

import _deformable_picture
import _distorted
import _table
import _training
import keras
from keras import layers

import keras_attention

CANVAS = 40
DISTORTION = _distorted.Distortion(
    canvas=CANVAS, digit=32, rotation=20, scale=(0.33, 1), translation=1
)
SIZES = {"small": 0.35, "medium": 0.6, "large": 0.95}  # and their factors
BATCH_SIZE = 32
LEARNING_RATE = 5e-3
COLUMNS = {
    "error in %": ".2f",
    **dict.fromkeys(SIZES, ".2f"),
    "parameters": ",d",
    "s/epoch": ".2f",
}
NETWORKS = ("Conv2D", "ConvOffset2D", "DeformableConv2D v1", "v2")


def build(network: str) -> keras.Model:
    """Return a network of four convolutions.

    Args:
        network: One of `NETWORKS`.
    """
    inputs = keras.Input((CANVAS, CANVAS, 1))
    x = normalize(layers.Conv2D(16, 5, 2, padding="same")(inputs))
    x = normalize(layers.Conv2D(32, 3, 2, padding="same")(x))
    for number in (1, 2):
        name = f"last{number}"
        if network in ("Conv2D", "ConvOffset2D"):
            if network == "ConvOffset2D":
                x = keras_attention.ConvOffset2D()(x)
            x = layers.Conv2D(48, 3, padding="same", name=name)(x)
        else:
            x = keras_attention.DeformableConv2D(
                48, padding="same", modulated=network == "v2", name=name
            )(x)
        x = normalize(x)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def normalize(x):
    """Return `x` after batch normalization and ReLU."""
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Train ordinary and deformable convolutions on digits of "
        "very different sizes."
    )
    _support.add_data_options(parser)
    _support.add_options(parser, epochs=20, output="output/deformable")
    return parser.parse_args()


def main() -> None:
    """Train, print the table and plot sampling locations."""
    options = parse_options()
    keras.config.set_image_data_format("channels_last")
    print(f"Keras {keras.__version__} on {BACKEND}", flush=True)
    task = _training.make_task(options, DISTORTION)
    builders: dict[str, Callable[[], keras.Model]] = {
        name: partial(build, name) for name in NETWORKS
    }
    tests = {
        size: _distorted.held_out(
            task.scans, DISTORTION._replace(scale=(factor, factor))
        )
        for size, factor in SIZES.items()
    }
    rows, models = _training.compare(
        builders,
        task,
        epochs=options.epochs,
        seeds=options.seeds,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        tests=tests,
    )
    print(f"\n{_table.markdown('last convolutions', COLUMNS, rows)}\n")
    print(
        "Errors in %, of digits of all sizes and of three sizes: "
        f"{', '.join(f'{DISTORTION.digit * x:.0f}' for x in SIZES.values())} "
        "pixels."
    )
    print(_table.about(options.seeds, len(task.images), BACKEND))
    path = options.output / "deformable.png"
    centered = DISTORTION._replace(translation=0, rotation=0)
    _deformable_picture.plot(
        path,
        models["v2"],
        {
            size: _distorted.held_out(
                task.scans, centered._replace(scale=(x, x)), copies=1
            )[0][: _deformable_picture.DIGITS]
            for size, x in SIZES.items()
        },
    )
    print(f"picture: {path}")


if __name__ == "__main__":
    main()
