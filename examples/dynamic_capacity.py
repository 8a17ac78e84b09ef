"""Digits in clutter: a large network for a few patches, a small one for all.

    pip install "keras-vision-attention[jax,examples]"
    python examples/dynamic_capacity.py
    python examples/dynamic_capacity.py --patches 1 4 16
    python examples/dynamic_capacity.py --data mnist

Trains a small network and a large one on digits somewhere among pieces of other
digits, and dynamic capacity networks that have the small one look at all of an
image and the large one at the patches that the prediction depends on most. Says
how many unseen digits each gets wrong, and how many multiplications that takes,
and draws where the last one looked.

The sizes, the learning rate and the number of epochs were chosen by validation
within the training digits; the test digits are only counted. `KERAS_BACKEND`
chooses among the backends that are installed: jax, tensorflow or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse
import functools
import math
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

import _support

BACKEND = _support.choose_backend()
_support.require(
    {
        "keras_attention": "keras-vision-attention",
        "matplotlib": "matplotlib",
        "scipy": "scipy",
        "sklearn": "scikit-learn",
    }
)

import _distorted
import _dynamic_picture
import _progress
import _scans
import _table
import keras
import numpy as np
from keras import layers

from keras_attention import DynamicCapacityNetwork

CANVAS = 48
PATCH = 12  # what a position of the large network's map sees of an image
STRIDE = 4  # from one to the next, in both networks
CLUTTERED = _distorted.Distortion(
    canvas=CANVAS, digit=18, translation=1, clutter=4, piece=7
)
POSITIONS = ((CANVAS - PATCH) // STRIDE + 1) ** 2
FEATURES = 24  # of a position
BATCH_SIZE = 64
LEARNING_RATE = 5e-3
HINT_WEIGHT = 0.01
EPOCHS = {"digits": 30, "mnist": 4}
COLUMNS = {"error in %": ".2f", "multiply-adds": ",d", "parameters": ",d"}


def convolve(filters: int, size: int, strides: int = 1) -> list[layers.Layer]:
    """Return a convolution, batch norm and ReLU."""
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

    Without padding anywhere, it makes the whole map of a whole image.
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
    return keras.Sequential([make_bottom(), make_top()])


def make_dynamic(patches: int, hint_weight: float) -> keras.Model:
    """Return the small network, refined by the large one at some patches."""
    return DynamicCapacityNetwork(
        make_coarse(),
        make_fine(),
        make_top(),
        num_patches=patches,
        patch_size=PATCH,
        patch_stride=STRIDE,
        hint_weight=hint_weight,
    )


def models_of(patches: Sequence[int]) -> dict[str, Callable[[], keras.Model]]:
    """Return how each model of the table is made, by its name."""
    makers = {"coarse alone": functools.partial(make_alone, make_coarse)}
    for number in patches:
        for name, weight in (("no hint", 0), ("hint", HINT_WEIGHT)):
            makers[f"{number} patches, {name}"] = functools.partial(
                make_dynamic, number, weight
            )
    makers["fine everywhere"] = functools.partial(make_alone, make_fine)
    return makers


def train(
    make: Callable[[], keras.Model],
    seed: int,
    epochs: int,
    scans: _scans.Scans,
    progress: _progress.Progress,
) -> keras.Model:
    """Return a model trained on digits that are strewn anew in each epoch."""
    keras.utils.set_random_seed(seed)
    model = make()
    model.build((None, CANVAS, CANVAS, 1))
    batches = _distorted.Epochs(
        scans, CLUTTERED, batch_size=BATCH_SIZE, seed=seed
    )
    schedule = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE, epochs * len(batches)
    )
    model.compile(
        keras.optimizers.Adam(schedule),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(batches, epochs=epochs, verbose=0, callbacks=[progress])
    return model


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the classes that `model` predicts."""
    return model.predict(images, batch_size=256, verbose=0).argmax(axis=-1)


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
    # The top twice, and once back to its input for the gradient.
    top = 3 * multiply_adds(model.top, seen)
    return multiply_adds(model.coarse, image) + patches + top


def save_picture(
    path: Path, model: keras.Model, images: np.ndarray, labels: np.ndarray
) -> None:
    """Draw where `model` looked, in one image of each class."""
    shown = [int(np.flatnonzero(labels == c)[0]) for c in np.unique(labels)]
    images = images[shown]
    attention = keras.tree.map_structure(
        keras.ops.convert_to_numpy, model.attention(images)
    )
    _dynamic_picture.draw(
        path,
        f"Where the large network looked: {model.num_patches} patches of "
        f"{PATCH}x{PATCH} pixels, in images it was not trained on",
        images,
        labels[shown],
        predict(model, images),
        attention["saliency"],
        attention["positions"] * STRIDE,
        PATCH,
        STRIDE,
    )


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Train dynamic capacity networks on digits in clutter, and "
        "draw where they look."
    )
    parser.add_argument(
        "--data",
        choices=_scans.SOURCES,
        default="digits",
        help="scikit-learn's digits, or MNIST, which Keras downloads "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--patches",
        type=_support.positive_integer,
        nargs="+",
        default=[2, 4, 8],
        metavar="K",
        help="how many patches to refine, one or more numbers (default: 2 4 8)",
    )
    parser.add_argument(
        "--epochs",
        type=_support.positive_integer,
        help="how often to see the training digits (default: 30, or 4 of "
        "MNIST's, which are many more)",
    )
    parser.add_argument(
        "--seeds",
        type=_support.positive_integer,
        default=3,
        help="how many times to train each model (default: %(default)s)",
    )
    parser.add_argument(
        "--train-size",
        type=_support.positive_integer,
        metavar="N",
        help="how many training digits to keep (default: all)",
    )
    parser.add_argument(
        "--output",
        type=_support.folder,
        default="output/dynamic_capacity",
        metavar="DIR",
        help="where to write the picture (default: %(default)s)",
    )
    options = parser.parse_args()
    if max(options.patches) > POSITIONS:
        parser.error(
            "argument --patches: must be at most the number of positions, "
            f"{POSITIONS}. Received: {max(options.patches)}"
        )
    return options


def main() -> None:
    """Train, tell and draw."""
    options = parse_options()
    keras.config.set_image_data_format("channels_last")
    print(f"Keras {keras.__version__} on {BACKEND}", flush=True)
    scans = _scans.load(options.data, options.train_size)
    images, labels = _distorted.held_out(scans, CLUTTERED)
    epochs = options.epochs or EPOCHS[options.data]
    makers = models_of(options.patches)
    progress = _progress.Progress(len(makers) * options.seeds * epochs)
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in makers}
    for seed in range(options.seeds):
        for name, make in makers.items():
            progress.run = f"{name}, seed {seed}"
            model = train(make, seed, epochs, scans, progress)
            wrong = np.mean(predict(model, images) != labels)
            told = (100 * wrong, cost(model), model.count_params())
            rows[name].append(dict(zip(COLUMNS, told, strict=True)))
            if name == f"{options.patches[-1]} patches, hint":
                looking = model

    print(f"\n{_table.markdown('model', COLUMNS, rows)}\n")
    print(
        f"{_table.about_seeds(options.seeds)} {len(labels)} images of "
        f"{len(scans.test_labels)} held-out digits.\n"
        "Multiply-adds for one image: convolutions and dense layers, and of "
        "dynamic networks\nthe top three times: twice forwards, and once back "
        f"for the saliency.\nBackend: {BACKEND}\n"
    )
    picture = options.output / "dynamic_capacity.png"
    save_picture(picture, looking, images, labels)
    print(f"picture: {picture}")


if __name__ == "__main__":
    main()
