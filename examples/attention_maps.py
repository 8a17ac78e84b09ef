"""Attention maps of a network, compared with Grad-CAM.

    pip install ".[jax,examples]" -c constraints.txt
    python examples/attention_maps.py
    python examples/attention_maps.py --epochs 20
    python examples/attention_maps.py --data fashion_mnist --train 4000
    python examples/attention_maps.py --images FOLDER --size 48

Trains a small network with CBAM and selective kernels on scikit-learn's digits
(1797 scans of 8x8 pixels), on Fashion-MNIST or on your images, and prints its
accuracy on images that it was not trained on. For each layer, it compares the
attention weights with Grad-CAM, which shows the positions that increase the
score of a class, and prints how much the channel gates differ between classes.
It saves plots of both. During training, a callback plots the attention after
every few epochs.

`KERAS_BACKEND` chooses among the backends that are installed: jax, tensorflow
or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse

import _support

BACKEND = _support.prepare("matplotlib", "sklearn")

import _images
import _progress
import keras
import numpy as np
from keras import layers

import keras_attention

BATCH_SIZE = 64
MOST_SAMPLES = 10  # in the pictures of the training
SHOWN = 1000  # the most test images whose attention is computed
LEARNING_RATE = 3e-3
LARGEST_MAP = 16  # height and width, in positions
INK = 77  # Pixels of at least this value belong to the digit.


def build_model(shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Return a network of two stages, with attention in both."""
    inputs = keras.Input(shape, dtype="uint8")
    x = layers.Rescaling(1 / 255)(inputs)
    while max(x.shape[1:3]) > LARGEST_MAP:
        x = layers.AveragePooling2D(2)(x)
    for stage, filters in enumerate((32, 48), 1):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = keras_attention.SelectiveKernel(
            filters, use_bias=False, name=f"stage{stage}_sk"
        )(layers.ReLU()(x))
        x = keras_attention.CBAM(kernel_size=3, name=f"stage{stage}_cbam")(x)
        if stage == 1:
            x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.3)(x)
    outputs = layers.Dense(classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def train(
    model: keras.Model, images: _images.Images, options: argparse.Namespace
) -> None:
    """Train a network, and plot its attention every few epochs."""
    # The first image of each class.
    labels, samples = np.unique(images.test_labels, return_index=True)
    labels, samples = labels[:MOST_SAMPLES], samples[:MOST_SAMPLES]
    monitor = keras_attention.AttentionMonitor(
        options.output / "training",
        images.test_images[samples],
        every=max(1, options.epochs // 4),
        labels=[images.classes[label] for label in labels],
        where=".*_cbam",
    )
    progress = _progress.Progress(options.epochs)
    progress.run = "CBAM and SK"
    steps = options.epochs * -(-len(images.train_labels) // BATCH_SIZE)
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(
        keras.optimizers.Adam(schedule),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(
        images.train_images,
        images.train_labels,
        batch_size=BATCH_SIZE,
        epochs=options.epochs,
        verbose=0,
        callbacks=[progress, monitor],
    )


def report(
    maps: dict, gradients: dict, images: np.ndarray, labels: np.ndarray
) -> None:
    """Print statistics of the attention maps of test images."""
    ink = images.mean(axis=-1) >= INK
    for path, values in maps.items():
        if "cbam" not in path:
            means = values.mean((0, 2))
            print(
                f"{path}: weights of the paths {means[0]:.2f}, {means[1]:.2f}"
            )
            continue
        heat = values["spatial"][..., 0]
        # A position of a map covers a square of pixels. Average the ink there.
        _, height, width = heat.shape
        side = ink.shape[1] // height
        squares = ink[:, : side * height, : side * width].reshape(
            len(ink), height, side, width, side
        )
        is_ink = squares.mean((2, 4)) >= 0.5
        similarity = np.mean(
            [
                correlation(a, b)
                for a, b in zip(heat, gradients[path], strict=True)
            ]
        )
        gates = values["channel"][:, 0, 0]
        between = np.std(
            [gates[labels == c].mean(0) for c in np.unique(labels)], axis=0
        )
        print(
            f"{path}: weight {heat[is_ink].mean():.2f} on ink, "
            f"{heat[~is_ink].mean():.2f} elsewhere; "
            f"correlation with Grad-CAM {similarity:.2f}; "
            f"gates differ by {between.mean():.3f} between classes"
        )


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return the correlation of two maps, 0 if one of them is constant."""
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / scale) if scale > 0 else 0.0


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Train a small network with CBAM and selective kernels, "
        "and compare its attention maps with Grad-CAM."
    )
    _images.add_options(parser, size=32)
    parser.add_argument(
        "--epochs",
        type=_support.positive_integer,
        default=12,
        help="number of passes over the training digits (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        type=_support.folder,
        default="output/attention_maps",
        metavar="DIR",
        help="folder of the results (default: %(default)s)",
    )
    return parser.parse_args()


def main() -> None:
    """Train the network, print statistics and save plots."""
    options = parse_options()
    keras.config.set_image_data_format("channels_last")
    keras.utils.set_random_seed(0)
    print(f"Keras {keras.__version__} on {BACKEND}", flush=True)
    data = _images.chosen(options)
    model = build_model(data.train_images.shape[1:], len(data.classes))
    train(model, data, options)

    # Images of a folder are in the order of their classes.
    order = np.random.default_rng(0).permutation(len(data.test_labels))
    shown = np.sort(order[:SHOWN])
    images, labels = data.test_images[shown], data.test_labels[shown]
    chosen = model.predict(images, batch_size=len(images), verbose=0)
    accuracy = np.mean(chosen.argmax(-1) == labels)
    # One batch: JAX would compile again for batches of other sizes.
    maps = keras_attention.attention_maps(model, images, batch_size=len(images))
    gradients = keras_attention.grad_cam(model, images, batch_size=len(images))
    print(f"test accuracy: {accuracy:.4f} ({len(images):,} images)\n")
    report(maps, gradients, images, labels)

    print()
    for name, where in (("positions", ".*_cbam"), ("branches", ".*_sk")):
        figure = keras_attention.plot_attention(
            maps,
            images,
            labels=labels,
            gradients=gradients if name == "positions" else None,
            where=where,
            title=f"Attention of {where[3:].upper()} on images that the "
            "network was not trained on",
        )
        path = options.output / f"attention_maps_{name}.png"
        figure.savefig(path)
        print(f"picture: {path}")
    print(f"pictures of the training: {options.output / 'training'}")


if __name__ == "__main__":
    main()
