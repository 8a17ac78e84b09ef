"""Digits in clutter: a large network for a few patches, a small one for all.

    pip install ".[jax,examples]" -c constraints.txt
    python examples/dynamic_capacity.py
    python examples/dynamic_capacity.py --patches 2 4 8 16 --seeds 5
    python examples/dynamic_capacity.py --data mnist --epochs 3

Trains a small network and a large one on digits somewhere among pieces of other
digits, and dynamic capacity networks that apply the small one to the whole
image and the large one to the most salient patches. Prints the error of each on
test digits and the number of multiplications, and plots the patches of the last
one.

The clutter, the sizes and the learning rate were chosen by validation within
the training digits (`--validate`), the number of epochs for time; the test
digits are only counted. `docs/results.md` has the table of a run, and what else
was tried. `KERAS_BACKEND` chooses among the backends that are installed: jax,
tensorflow or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse
import math
from collections.abc import Callable
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import _support

BACKEND = _support.prepare("matplotlib", "sklearn")

import _distorted
import _dynamic_picture
import _scans
import _table
import _training
import keras
import numpy as np
from keras import layers

from keras_attention import DynamicCapacityNetwork

CANVAS = 48
PATCH = 12  # receptive field of a position of the large network's map
STRIDE = 4  # stride of positions, in both networks
CLUTTERED = _distorted.Distortion(
    canvas=CANVAS, digit=18, translation=1, clutter=4, piece=7
)
POSITIONS = ((CANVAS - PATCH) // STRIDE + 1) ** 2
FEATURES = 24  # of a position
BATCH_SIZE = 64
LEARNING_RATE = 5e-3
HINT_WEIGHT = 0.01
COLUMNS = {
    "error in %": ".2f",
    "multiply-adds": ",d",
    "parameters": ",d",
    "s/epoch": ".2f",
}


def convolve(filters: int, size: int, strides: int = 1) -> list[layers.Layer]:
    """Return a convolution, batch normalization and ReLU."""
    return [
        layers.Conv2D(filters, size, strides, use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
    ]


def make_coarse() -> keras.Sequential:
    """Return the small network, from images to a map."""
    return keras.Sequential(
        [*convolve(8, 7, 4), *convolve(FEATURES, 2)], name="coarse"
    )


def make_fine() -> keras.Sequential:
    """Return the large network, from a patch to one position of such a map.

    As nothing is padded, it also maps a whole image to a whole map.
    """
    return keras.Sequential(
        [
            *convolve(24, 4, 2),
            *convolve(48, 3, 2),
            *convolve(FEATURES, 2),
        ],
        name="fine",
    )


def make_top() -> keras.Sequential:
    """Return the network from a map to classes."""
    return keras.Sequential(
        [
            *convolve(32, 3, 2),
            layers.GlobalMaxPooling2D(),
            layers.Dense(10, activation="softmax"),
        ],
        name="top",
    )


def make_alone(make_bottom: Callable[[], keras.Sequential]) -> keras.Model:
    """Return one of the networks with the top on it."""
    model = keras.Sequential([make_bottom(), make_top()])
    model.build((None, CANVAS, CANVAS, 1))
    return model


def make_dynamic(patches: int, hint_weight: float) -> keras.Model:
    """Return the small network, refined by the large one at some patches."""
    model = DynamicCapacityNetwork(
        make_coarse(),
        make_fine(),
        make_top(),
        num_patches=patches,
        patch_size=PATCH,
        patch_stride=STRIDE,
        hint_weight=hint_weight,
    )
    model.build((None, CANVAS, CANVAS, 1))
    return model


def builders_of(patches: Sequence[int]) -> dict[str, Callable[[], keras.Model]]:
    """Return the functions that make the models of the table, by name."""
    builders = {"coarse alone": partial(make_alone, make_coarse)}
    for number in patches:
        for name, weight in (("no hint", 0), ("hint", HINT_WEIGHT)):
            builders[f"{number} patches, {name}"] = partial(
                make_dynamic, number, weight
            )
    builders["fine everywhere"] = partial(make_alone, make_fine)
    return builders


def multiply_adds(network: keras.Sequential, shape: tuple) -> int:
    """Return how many multiplications a network takes for one input."""
    total = 0
    for layer in network.layers:
        shape = layer.compute_output_shape((1, *shape))[1:]
        if hasattr(layer, "kernel"):
            total += math.prod(shape[:-1]) * math.prod(layer.kernel.shape)
    return total


def cost(model: keras.Model) -> int:
    """Return how many multiplications a model takes to classify an image."""
    image = (CANVAS, CANVAS, 1)
    if not isinstance(model, DynamicCapacityNetwork):
        bottom, top = model.layers
        seen = bottom.compute_output_shape((1, *image))[1:]
        return multiply_adds(bottom, image) + multiply_adds(top, seen)
    seen = model.coarse.compute_output_shape((1, *image))[1:]
    patches = model.num_patches * multiply_adds(model.fine, (PATCH, PATCH, 1))
    # The top runs twice, and once backward for the gradient of its input.
    top = 3 * multiply_adds(model.top, seen)
    return multiply_adds(model.coarse, image) + patches + top


def save_picture(
    path: Path, model: keras.Model, images: np.ndarray, labels: np.ndarray
) -> None:
    """Plot the patches of `model` for one image of each class."""
    shown = [int(np.flatnonzero(labels == c)[0]) for c in np.unique(labels)]
    images = images[shown]
    attention = keras.tree.map_structure(
        keras.ops.convert_to_numpy, model.attention(images)
    )
    _dynamic_picture.plot(
        path,
        f"Where the large network looked: {model.num_patches} patches of "
        f"{PATCH}x{PATCH} pixels, in images it was not trained on",
        images,
        labels[shown],
        _training.classes(model, images),
        attention["saliency"],
        attention["positions"] * STRIDE,
        PATCH,
        STRIDE,
    )


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Train dynamic capacity networks on digits in clutter, and "
        "plot the selected patches."
    )
    parser.add_argument(
        "--patches",
        type=_support.positive_integer,
        nargs="+",
        default=[2, 8],
        metavar="K",
        help="how many patches to refine, one or more numbers (default: 2 8)",
    )
    _support.add_data_options(parser)
    _support.add_options(parser, epochs=30, output="output/dynamic_capacity")
    options = parser.parse_args()
    if max(options.patches) > POSITIONS:
        parser.error(
            "argument --patches: must be at most the number of positions, "
            f"{POSITIONS}. Received: {max(options.patches)}"
        )
    return options


def main() -> None:
    """Train, print the results and plot them."""
    options = parse_options()
    keras.config.set_image_data_format("channels_last")
    print(f"Keras {keras.__version__} on {BACKEND}", flush=True)
    scans = _scans.load(options.data, options.train, options.validate)
    images, labels = _distorted.held_out(scans, CLUTTERED)
    rows, models = _training.compare(
        builders_of(options.patches),
        _training.Task(scans, CLUTTERED, images, labels),
        epochs=options.epochs,
        seeds=options.seeds,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
    )
    for name, runs in rows.items():
        for run in runs:
            run["multiply-adds"] = cost(models[name])
    print(f"\n{_table.markdown('model', COLUMNS, rows)}\n")
    print(
        "Multiply-adds of convolutions and dense layers, for one image. Those "
        "of a dynamic\nnetwork count its top three times: twice forwards, and "
        "once back for the saliency.\n"
        f"{_table.about(options.seeds, len(images), BACKEND)}\n"
    )
    picture = options.output / "dynamic_capacity.png"
    looking = models[f"{options.patches[-1]} patches, hint"]
    save_picture(picture, looking, images, labels)
    print(f"picture: {picture}")


if __name__ == "__main__":
    main()
