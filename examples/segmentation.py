"""Overlapping digits segmented by a U-Net, with attention and without.

    pip install ".[jax,examples]" -c constraints.txt
    python examples/segmentation.py
    python examples/segmentation.py --only plain AttentionGate --seeds 5
    python examples/segmentation.py --data mnist --epochs 1

Pastes several digits on an image so that they overlap, each in a brightness of
its own, and trains a small U-Net to find the digit of each pixel. Where digits
overlap, the class of a pixel is that of the topmost digit; pixels without ink
are background. The variants of the network have the same seeds and images: the
plain one, one with attention gates in its skip connections, one with spatial
and channel squeeze-and-excitation after each block, and one with criss-cross
attention in the middle. Prints the intersection over union of each on images of
test digits, and the time of a training step, and plots masks and attention.

Images are made of the digits of one part only: training and test images have no
scan in common. The sizes, the batch size and the learning rate were chosen by
validation within the training digits (`--validate`), for the plain network, the
number of epochs for time; the test digits are only counted. `docs/results.md`
has the table of a run. `KERAS_BACKEND` chooses among the backends that are
installed: jax, tensorflow or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse
from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import _support

BACKEND = _support.prepare("matplotlib", "sklearn")

import _distorted
import _overlapping
import _progress
import _scans
import _segmentation_picture
import _table
import _training
import keras
import numpy as np
from keras import layers

import keras_attention

OVERLAP = _overlapping.Overlap(
    digits=3,
    brightness=(0.35, 1),
    distortion=_distorted.Distortion(
        canvas=24, digit=11, rotation=10, scale=(0.9, 1.1), translation=1
    ),
)
FILTERS = (16, 32, 64)  # of the blocks, from the image to the middle
BATCH_SIZE = 16
LEARNING_RATE = 1e-2
SHOWN = 4  # images in the picture
OVERLAPPING = 30  # pixels of an image in the picture, at least
COLUMNS = {
    "mean IoU in %": ".2f",
    "overlaps in %": ".2f",
    "parameters": ",d",
    "ms/step": ".1f",
}


class Variant(NamedTuple):
    """Layers that extend the plain U-Net.

    Attributes:
        title: What the picture calls it.
        attention: What the picture calls the attention of its last layer of
            attention.
        gate: Function of the map of a skip connection and of the map of the
            decoder, which returns the map that is concatenated.
        refine: Makes the layer after a block.
        middle: Makes the layer on the smallest map.
    """

    title: str
    attention: str = ""
    gate: Callable[[Any, Any], Any] = lambda skip, decoder: skip
    refine: Callable[[], Callable[[Any], Any]] = layers.Identity
    middle: Callable[[], Callable[[Any], Any]] = layers.Identity


# One line per variant, named after its layer.
VARIANTS = {
    "plain": Variant("plain"),
    "AttentionGate": Variant(
        "attention\ngates",
        "gate of the last\nskip connection",
        gate=lambda skip, decoder: keras_attention.AttentionGate()(
            skip, decoder
        ),
    ),
    "SpatialChannelSqueezeExcite": Variant(
        "scSE",
        "spatial gate of\nthe last scSE",
        refine=lambda: keras_attention.SpatialChannelSqueezeExcite(4),
    ),
    "CrissCrossAttention": Variant(
        "criss-cross",
        "criss-cross: row\nand column of +",
        middle=keras_attention.CrissCrossAttention,
    ),
}


def build_model(variant: Variant) -> keras.Model:
    """Return a U-Net of three sizes.

    Its outputs are the probabilities of the classes of each pixel, `(batch,
    pixels, classes)`.
    """
    size = OVERLAP.distortion.canvas
    x = inputs = keras.Input((size, size, 1))
    skips = []
    for filters in FILTERS[:-1]:
        x = block(x, variant, filters)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = variant.middle()(block(x, variant, FILTERS[-1]))
    for skip, filters in zip(skips[::-1], FILTERS[-2::-1], strict=True):
        x = layers.Conv2DTranspose(filters, 2, 2)(x)
        x = layers.Concatenate()([variant.gate(skip, x), x])
        x = block(x, variant, filters)
    classes = _overlapping.CLASSES + 1
    x = layers.Conv2D(classes, 1, activation="softmax")(x)
    # PyTorch 2.13 has no gradient of the loss of maps (pytorch issue 175084).
    return keras.Model(inputs, layers.Reshape((-1, classes))(x))


def block(x, variant: Variant, filters: int):
    """Return `x` after two convolutions."""
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    return variant.refine()(x)


def masks(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return the predicted class of each pixel, `(count, height, width)`."""
    return _training.classes(model, images).reshape(images.shape[:-1])


def evaluate(
    model: keras.Model, scenes: _overlapping.Scenes
) -> dict[str, float]:
    """Return the mean IoU of the digits, and the accuracy on overlaps."""
    predicted = masks(model, scenes.images)
    overlaps = scenes.depth > 1
    ious = _overlapping.intersection_over_union(scenes.labels, predicted)
    right = predicted[overlaps] == scenes.labels[overlaps]
    return {
        "mean IoU in %": 100 * float(np.nanmean(ious)),
        "overlaps in %": 100 * float(np.mean(right)),
        "parameters": model.count_params(),
    }


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Train a small U-Net to segment overlapping digits, with "
        "several kinds of attention, and compare them."
    )
    parser.add_argument(
        "--only",
        choices=VARIANTS,
        nargs="+",
        metavar="VARIANT",
        default=list(VARIANTS),
        help=f"which variants to train, of {', '.join(VARIANTS)} "
        "(default: all)",
    )
    _support.add_data_options(parser)
    _support.add_options(parser, epochs=10, output="output/segmentation")
    return parser.parse_args()


def train(
    options: argparse.Namespace,
    scans: _scans.Scans,
    scenes: _overlapping.Scenes,
) -> tuple[dict[str, list[dict[str, float]]], dict[str, keras.Model]]:
    """Train the variants; return their results, and those of the first seed."""
    runs = len(options.only) * options.seeds
    progress = _progress.Progress(runs * options.epochs)
    rows: dict[str, list[dict[str, float]]] = {
        name: [] for name in options.only
    }
    models: dict[str, keras.Model] = {}
    for seed in range(options.seeds):
        for name in options.only:
            keras.utils.set_random_seed(seed)
            model = build_model(VARIANTS[name])
            _training.train(
                model,
                _overlapping.Epochs(
                    scans, OVERLAP, batch_size=BATCH_SIZE, seed=seed
                ),
                epochs=options.epochs,
                learning_rate=LEARNING_RATE,
                progress=progress,
                run=f"{name}, seed {seed}",
            )
            rows[name].append(evaluate(model, scenes))
            models.setdefault(name, model)
    return rows, models


def heat_of(
    model: keras.Model, images: np.ndarray, depth: np.ndarray
) -> _segmentation_picture.Heat:
    """Return the attention of the last layer of attention in a network.

    Of criss-cross attention it is that of one query of each image, the position
    with most pixels where digits overlap.
    """
    maps = keras_attention.attention_maps(model, images)
    *_, values = maps.values()
    if not isinstance(values, dict):
        return _segmentation_picture.Heat(values[..., 0])
    if "spatial" in values:
        return _segmentation_picture.Heat(values["spatial"][..., 0])
    of_columns, of_rows = values["height"], values["width"]
    side = of_rows.shape[1]
    crosses = np.full(of_rows.shape[:3], np.nan)
    marks = []
    for i, overlaps in enumerate(depth > 1):
        counts = overlaps.reshape(side, -1, side, depth.shape[1] // side)
        position = divmod(int(counts.sum((1, 3)).argmax()), side)
        row, column = position
        # The position itself is zero in its column, and counted in its row.
        crosses[i, :, column] = of_columns[i, row, column]
        crosses[i, row] = of_rows[i, row, column]
        marks.append(position)
    return _segmentation_picture.Heat(crosses, np.array(marks))


def save_picture(
    options: argparse.Namespace,
    models: dict[str, keras.Model],
    scenes: _overlapping.Scenes,
) -> None:
    """Plot masks and attention for the first images with large overlaps."""
    overlapping = (scenes.depth > 1).sum((1, 2)) >= OVERLAPPING
    shown = np.flatnonzero(overlapping)[:SHOWN]
    images, depth = scenes.images[shown], scenes.depth[shown]
    titles = {name: VARIANTS[name].title for name in models}
    predicted = {
        titles[name]: masks(model, images) for name, model in models.items()
    }
    attention = {
        VARIANTS[name].attention: heat_of(model, images, depth)
        for name, model in models.items()
        if VARIANTS[name].attention
    }
    path = options.output / "segmentation.png"
    _segmentation_picture.plot(
        path, images, {"true": scenes.labels[shown], **predicted}, attention
    )
    print(f"\npicture: {path}")


def main() -> None:
    """Train, print the results and plot masks and attention."""
    options = parse_options()
    keras.config.set_image_data_format("channels_last")
    print(f"Keras {keras.__version__} on {BACKEND}", flush=True)
    scans = _scans.load(options.data, options.train, options.validate)
    scenes = _overlapping.held_out(scans, OVERLAP)
    rows, models = train(options, scans, scenes)
    batch = _overlapping.Epochs(scans, OVERLAP, batch_size=BATCH_SIZE, seed=0)[
        0
    ]
    times = _training.milliseconds(
        {name: build_model(VARIANTS[name]) for name in options.only}, batch
    )
    for name, runs in rows.items():
        for run in runs:
            run["ms/step"] = times[name]
    table = _table.markdown("attention", COLUMNS, rows, once=("ms/step",))
    share = (scenes.depth > 1).sum() / (scenes.depth > 0).sum()
    print(
        f"\n{table}\n\n"
        f"{_table.sample(options.seeds, len(scenes.images))}\n"
        "Mean IoU: the mean of the intersections over unions of the ten "
        "digits, without the\nbackground, each over the pixels of all test "
        "images.\n"
        "Overlaps: the share of pixels with the right class, among those where "
        f"digits overlap\n({100 * share:.0f} % of the pixels with ink). The "
        "right class is that of the topmost digit.\n"
        f"Time of a training step of {len(batch[0])} images: the median, "
        "measured in turns.\n"
        f"Backend: {BACKEND}"
    )
    save_picture(options, models, scenes)


if __name__ == "__main__":
    main()
