"""Residual networks on distorted digits, with attention in their blocks.

    pip install ".[jax,examples]" -c constraints.txt
    python examples/fusion.py
    python examples/fusion.py --only Add AttentionalFeatureFusion --seeds 5
    python examples/fusion.py --data mnist --epochs 3

Trains one small residual network in several variants, from the same seeds: with
the usual additions, with attentional feature fusion in their place, and with
other kinds of attention in the blocks. Prints the error of each on test digits
and its training time, and plots both.

The sizes, the learning rate and the number of epochs were chosen by validation
within the training digits (`--validate`), for the network with additions; the
test digits are only counted. `docs/results.md` has the table of a run.
`KERAS_BACKEND` chooses among the backends that are installed: jax, tensorflow
or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any
from typing import NamedTuple

import _support

BACKEND = _support.prepare("matplotlib", "sklearn")

import _distorted
import _fusion_picture
import _table
import _training
import keras
from keras import layers

import keras_attention

DISTORTION = _distorted.Distortion(
    canvas=36,
    digit=20,
    rotation=45,
    scale=(0.5, 1.4),
    translation=1,
    clutter=4,
    piece=6,
)
BATCH_SIZE = 64
LEARNING_RATE = 1e-2
COLUMNS = {"accuracy in %": ".2f", "parameters": ",d", "s/epoch": ".2f"}


def convolve(filters: int, strides: int = 1) -> Callable[[Any], Any]:
    """Return a 3x3 convolution, batch normalization and ReLU."""
    return keras.Sequential(
        [
            layers.Conv2D(filters, 3, strides, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
        ]
    )


def add(shortcut, branch):
    """Return the sum of the two sides of a residual block."""
    return layers.Add()([shortcut, branch])


class Variant(NamedTuple):
    """Layers that replace or extend the usual ones of a residual network.

    Attributes:
        fuse: Function that merges the shortcut and the branch.
        convolve: Makes the first convolution of a branch, with batch norm and
            ReLU, of its filters and strides.
        prepare: Makes the layer before that convolution.
        refine: Makes the layer between the two last blocks.
    """

    fuse: Callable[[Any, Any], Any] = add
    convolve: Callable[[int, int], Callable[[Any], Any]] = convolve
    prepare: Callable[[], Callable[[Any], Any]] = layers.Identity
    refine: Callable[[], Callable[[Any], Any]] = layers.Identity


# One line per variant, named after its layer.
VARIANTS = {
    "Add": Variant(),
    "AttentionalFeatureFusion": Variant(
        fuse=lambda x, y: keras_attention.AttentionalFeatureFusion()(x, y)
    ),
    "IterativeAttentionalFeatureFusion": Variant(
        fuse=lambda x, y: keras_attention.IterativeAttentionalFeatureFusion()(
            x, y
        )
    ),
    "SelectiveKernel": Variant(
        convolve=lambda filters, strides: keras_attention.SelectiveKernel(
            filters, strides=strides, split_input=True, use_bias=False
        )
    ),
    "GatedChannelTransform": Variant(
        prepare=keras_attention.GatedChannelTransform
    ),
    "ResidualAttention": Variant(
        refine=lambda: keras_attention.ResidualAttention(depth=1, trunk=1)
    ),
}


def build_model(variant: Variant) -> keras.Model:
    """Return a residual network of three blocks, for distorted digits."""
    size = DISTORTION.canvas
    inputs = keras.Input((size, size, 1))
    x = convolve(16, 2)(inputs)
    x = block(x, variant, 16)
    x = block(x, variant, 32, strides=2)
    x = variant.refine()(x)
    x = block(x, variant, 32)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def block(x, variant: Variant, filters: int, strides: int = 1):
    """Return `x` after one residual block."""
    shortcut = x
    if strides > 1:
        shortcut = layers.Conv2D(filters, 1, strides, use_bias=False)(x)
        shortcut = layers.BatchNormalization(momentum=0.9)(shortcut)
    x = variant.prepare()(x)
    x = variant.convolve(filters, strides)(x)
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(variant.fuse(shortcut, x))


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Train a small residual network on distorted digits, with "
        "several kinds of attention in its blocks, and compare them."
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
    _support.add_options(parser, epochs=20, output="output/fusion")
    return parser.parse_args()


def main() -> None:
    """Train, print the results and plot them."""
    options = parse_options()
    keras.config.set_image_data_format("channels_last")
    print(f"Keras {keras.__version__} on {BACKEND}", flush=True)
    task = _training.make_task(options, DISTORTION)
    rows, _ = _training.compare(
        {name: partial(build_model, VARIANTS[name]) for name in options.only},
        task,
        epochs=options.epochs,
        seeds=options.seeds,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
    )
    print(f"\n{_table.markdown('in the blocks', COLUMNS, rows)}\n")
    print(_table.about(options.seeds, len(task.images), BACKEND))

    path = options.output / "fusion.png"
    _fusion_picture.plot(path, rows)
    print(f"\npicture: {path}")


if __name__ == "__main__":
    main()
