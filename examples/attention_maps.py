"""Attention maps of a network, compared with Grad-CAM.

    pip install ".[jax,examples]" -c constraints.txt
    python examples/attention_maps.py
    python examples/attention_maps.py --epochs 20

Trains a small network with CBAM and selective kernels on scikit-learn's digits
(1797 scans of 8x8 pixels), and prints its accuracy on digits that it was not
trained on. For each layer, it compares the attention weights with Grad-CAM,
which shows the positions that increase the score of a class, and prints how
much the channel gates differ between classes. It saves plots of both. During
training, a callback plots the attention after every few epochs.

`KERAS_BACKEND` chooses among the backends that are installed: jax, tensorflow
or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse

import _support

BACKEND = _support.prepare("matplotlib", "sklearn")

import _progress
import _scans
import keras
import numpy as np
from keras import layers

import keras_attention

BATCH_SIZE = 64
LEARNING_RATE = 3e-3
INK = 0.3  # Pixels of at least this value belong to the digit.


def build_model() -> keras.Model:
    """Return a network of two stages, with attention in both."""
    inputs = x = keras.Input((8, 8, 1))
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
    outputs = layers.Dense(10, activation="softmax")(layers.Dropout(0.3)(x))
    return keras.Model(inputs, outputs)


def train(
    model: keras.Model, digits: _scans.Scans, options: argparse.Namespace
) -> None:
    """Train a network, and plot its attention every few epochs."""
    samples = [
        int(np.flatnonzero(digits.test_labels == c)[0]) for c in range(10)
    ]
    monitor = keras_attention.AttentionMonitor(
        options.output / "training",
        digits.test_images[samples],
        every=max(1, options.epochs // 4),
        labels=range(10),
        where=".*_cbam",
    )
    progress = _progress.Progress(options.epochs)
    progress.run = "CBAM and SK"
    steps = options.epochs * _scans.TRAIN_SIZE // BATCH_SIZE
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(
        keras.optimizers.Adam(schedule),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(
        digits.train_images,
        digits.train_labels,
        batch_size=BATCH_SIZE,
        epochs=options.epochs,
        verbose=0,
        callbacks=[progress, monitor],
    )


def report(maps: dict, gradients: dict, digits: _scans.Scans) -> None:
    """Print statistics of the attention maps of the test digits."""
    ink = digits.test_images[..., 0] > INK
    labels = digits.test_labels
    for path, values in maps.items():
        if "cbam" not in path:
            means = values.mean((0, 2))
            print(
                f"{path}: weights of the paths {means[0]:.2f}, {means[1]:.2f}"
            )
            continue
        heat = values["spatial"][..., 0]
        # A position of a map covers a square of pixels. Average the ink there.
        side = ink.shape[1] // heat.shape[1]
        squares = ink.reshape(len(ink), *heat.shape[1:2], side, -1, side)
        is_ink = squares.mean((2, 4)) >= 0.5
        similarity = np.mean(
            [
                correlation(a, b)
                for a, b in zip(heat, gradients[path], strict=True)
            ]
        )
        gates = values["channel"][:, 0, 0]
        between = np.std(
            [gates[labels == c].mean(0) for c in range(10)], axis=0
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
        description="Train a small network with CBAM and selective kernels on "
        "digits, and compare its attention maps with Grad-CAM."
    )
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
    digits = _scans.load()
    model = build_model()
    train(model, digits, options)

    images, labels = digits.test_images, digits.test_labels
    chosen = model.predict(images, batch_size=len(images), verbose=0)
    accuracy = np.mean(chosen.argmax(-1) == labels)
    # One batch: JAX would compile again for batches of other sizes.
    maps = keras_attention.attention_maps(model, images, batch_size=len(images))
    gradients = keras_attention.grad_cam(model, images, batch_size=len(images))
    print(f"test accuracy: {accuracy:.4f}\n")
    report(maps, gradients, digits)

    print()
    for name, where in (("positions", ".*_cbam"), ("branches", ".*_sk")):
        figure = keras_attention.plot_attention(
            maps,
            images,
            labels=labels,
            gradients=gradients if name == "positions" else None,
            where=where,
            title=f"Attention of {where[3:].upper()} on digits that the "
            "network was not trained on",
        )
        path = options.output / f"attention_maps_{name}.png"
        figure.savefig(path)
        print(f"picture: {path}")
    print(f"pictures of the training: {options.output / 'training'}")


if __name__ == "__main__":
    main()
