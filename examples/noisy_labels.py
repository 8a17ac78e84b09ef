"""Residual attention learning, with a share of the training labels wrong.

    pip install ".[jax,examples]" -c constraints.txt
    python examples/noisy_labels.py
    python examples/noisy_labels.py --data fashion_mnist --train 4000
    python examples/noisy_labels.py --images FOLDER --size 48

Trains three small networks: with residual attention modules, which multiply
features by 1 + M (attention residual learning), with the same modules that
multiply by M (naive attention learning), and with the trunks of the modules
alone. In a second and a third training of each, 30 % and 50 % of the training
labels are replaced by other classes. The test labels are right.

Prints the test error of each, and plots it against the share of wrong labels.
`docs/results.md` has the table of a run. `KERAS_BACKEND` chooses among the
backends that are installed: jax, tensorflow or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse

import _support

BACKEND = _support.prepare("matplotlib", "sklearn")
_support.cache_compilations()

import _images
import _noise_picture
import _progress
import _table
import _training
import keras
import numpy as np
from keras import layers

import keras_attention

SHARES = (0.0, 0.3, 0.5)
NETWORKS = ("trunk", "naive", "residual")
STAGES = ((16, 2), (32, 1), (64, 1))  # channels, and poolings of the masks
LARGEST_MAP = 16  # of the first stage: height and width, in positions
UNITS = 4  # residual units of a module without its mask
BATCH_SIZE = 64
LEARNING_RATE = 3e-3


def build(
    network: str, shape: tuple[int, int, int], classes: int
) -> keras.Model:
    """Return a network of three stages, with a module in each.

    Args:
        network: One of `NETWORKS`.
        shape: The shape of an image.
        classes: The number of classes.
    """
    inputs = keras.Input(shape, dtype="uint8")
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    while max(x.shape[1:3]) > LARGEST_MAP:
        x = layers.AveragePooling2D(2, padding="same")(x)
    for number, (filters, depth) in enumerate(STAGES):
        strides = 2 if number else 1
        x = layers.Conv2D(filters, 3, strides, padding="same")(x)
        if network == "trunk":
            for _ in range(UNITS):
                x = unit(x, filters)
        else:
            x = keras_attention.ResidualAttention(
                depth, residual=network == "residual"
            )(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def unit(x, filters: int):
    """Return `x` after a residual unit, as in the trunk of a module."""
    y = x
    for width, size in ((filters // 4, 1), (filters // 4, 3), (filters, 1)):
        y = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(y))
        y = layers.Conv2D(width, size, padding="same", use_bias=False)(y)
    return layers.Add()([x, y])


def corrupt(
    labels: np.ndarray, classes: int, share: float, seed: int
) -> np.ndarray:
    """Return labels of which a share is replaced by another class each.

    A larger share has the wrong labels of a smaller one, and more.

    >>> labels = np.zeros(10, int)
    >>> np.count_nonzero(corrupt(labels, 3, 0.3, seed=0))
    3
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(labels))[: round(share * len(labels))]
    shift = rng.integers(1, classes, len(labels))[chosen]
    wrong = labels.copy()
    wrong[chosen] = (labels[chosen] + shift) % classes
    return wrong


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Train residual and naive attention modules, and their "
        "trunks, with right and with wrong labels."
    )
    _images.add_options(parser, size=32)
    _support.add_options(parser, epochs=15, output="output/noisy_labels")
    return parser.parse_args()


def main() -> None:
    """Train, print the table and plot the errors."""
    options = parse_options()
    keras.config.set_image_data_format("channels_last")
    print(f"Keras {keras.__version__} on {BACKEND}", flush=True)
    images = _images.chosen(options)
    shape, classes = images.train_images.shape[1:], len(images.classes)
    count = len(NETWORKS) * len(SHARES) * options.seeds
    progress = _progress.Progress(count * options.epochs)
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in NETWORKS}
    columns = {f"{100 * share:.0f} % wrong": share for share in SHARES}
    for seed in range(options.seeds):
        for name in NETWORKS:
            run: dict[str, float] = {}
            for column, share in columns.items():
                keras.utils.set_random_seed(seed)
                model = build(name, shape, classes)
                labels = corrupt(images.train_labels, classes, share, seed)
                _training.train(
                    model,
                    _images.Batches(
                        images._replace(train_labels=labels), BATCH_SIZE, seed
                    ),
                    epochs=options.epochs,
                    learning_rate=LEARNING_RATE,
                    progress=progress,
                    run=f"{name}, {column}, seed {seed}",
                )
                run[column] = _training.error(
                    model, images.test_images, images.test_labels
                )
            rows[name].append({**run, "parameters": model.count_params()})
    formats = {**dict.fromkeys(columns, ".2f"), "parameters": ",d"}
    print(f"\n{_table.markdown('network', formats, rows)}\n")
    print(
        f"{_table.sample(options.seeds, len(images.test_labels))}\n"
        f"Errors in %, of networks trained on {len(images.train_labels):,} "
        "images of which a share has a wrong label.\n"
        f"Backend: {BACKEND}"
    )
    path = options.output / "noisy_labels.png"
    _noise_picture.plot(
        path,
        {
            name: [[run[column] for run in runs] for column in columns]
            for name, runs in rows.items()
        },
        [100 * share for share in SHARES],
    )
    print(f"picture: {path}")


if __name__ == "__main__":
    main()
