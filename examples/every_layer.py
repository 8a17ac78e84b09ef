"""Plots of the attention of every layer, on digits in clutter.

    pip install "keras-vision-attention[jax,examples]"
    python examples/every_layer.py
    python examples/every_layer.py --only spatial --epochs 10

Trains a small network for each family of layers, with all layers of the family,
on digits that are rotated, scaled and moved among pieces of other digits.
Prints the error on test digits, and plots the attention of the layers: gates of
channels, weights of positions, offsets of taps, and weights of branches.

The documentation of the layers shows these plots. To compare layers with each
other, use `examples/fusion.py`. `KERAS_BACKEND` chooses among the backends that
are installed: jax, tensorflow or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse
from collections.abc import Callable
from functools import partial

import _support

BACKEND = _support.prepare("matplotlib", "sklearn")

import _distorted
import _table
import _training
import keras
import numpy as np
from keras import layers

import keras_attention

DISTORTION = _distorted.Distortion(
    canvas=32,
    digit=20,
    rotation=30,
    scale=(0.7, 1.2),
    translation=1,
    clutter=3,
    piece=6,
)
BATCH_SIZE = 64
LEARNING_RATE = 5e-3
COLUMNS = {"error in %": ".2f", "parameters": ",d", "s/epoch": ".2f"}
WIDTHS = (16, 32, 48, 48)


def channel(stage: int, x):
    """Return `x` after channel attention, by another layer in each stage."""
    make = (
        partial(keras_attention.SqueezeExcite, 4, name="SE"),
        partial(keras_attention.ChannelAttention, 4, name="ChannelAttention"),
        partial(keras_attention.GatedChannelTransform, name="GCT"),
        partial(keras_attention.MultiScaleChannelAttention, name="MS-CAM"),
    )
    return make[stage]()(x)


def spatial(stage: int, x):
    """Return `x` after spatial attention or a convolution with offsets."""
    make = (
        partial(keras_attention.SpatialAttention, name="SpatialAttention"),
        partial(keras_attention.SpatialGroupEnhance, 4, name="SGE"),
        partial(keras_attention.ConvOffset2D, name="ConvOffset2D"),
        partial(
            keras_attention.DeformableConv2D,
            WIDTHS[3],
            activation="relu",
            name="DeformableConv2D",
        ),
    )
    return make[stage]()(x)


def mixed(stage: int, x):
    """Return `x` after channel and spatial attention."""
    make = (
        layers.Identity,
        partial(keras_attention.CBAM, 4, name="CBAM"),
        partial(
            keras_attention.ResidualAttention,
            depth=2,
            trunk=1,
            name="ResidualAttention",
        ),
        layers.Identity,
    )
    return make[stage]()(x)


def fusion(stage: int, x):
    """Return a fusion of `x` and a convolution branch."""
    if stage % 2:
        make = partial(keras_attention.SelectiveKernel, WIDTHS[stage], groups=8)
        return make(name=f"SelectiveKernel_{stage}")(x)
    branch = layers.Conv2D(WIDTHS[stage], 3, padding="same", use_bias=False)(x)
    branch = layers.BatchNormalization(momentum=0.9)(branch)
    if stage == 0:
        fuse = keras_attention.AttentionalFeatureFusion(name="AFF")
    else:
        fuse = keras_attention.IterativeAttentionalFeatureFusion(name="iAFF")
    return layers.ReLU()(fuse(branch, x))


FAMILIES = {
    function.__name__: function
    for function in (channel, spatial, mixed, fusion)
}


def build_model(attend: Callable) -> keras.Model:
    """Return a network of four stages, with attention in each."""
    x = inputs = keras.Input((DISTORTION.canvas, DISTORTION.canvas, 1))
    for stage, filters in enumerate(WIDTHS):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = attend(stage, layers.ReLU()(x))
        if stage < 2:
            x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def plot(model: keras.Model, task: _training.Task, family: str, path) -> None:
    """Save a plot of the attention of the layers in a model."""
    count = _training.EVALUATED_AT_ONCE
    images, labels = task.images[:count], task.labels[:count]
    maps = keras_attention.attention_maps(model, images, batch_size=count)
    figure = keras_attention.plot_attention(
        maps,
        images,
        labels=labels,
        samples=[int(np.flatnonzero(labels == c)[0]) for c in range(8)],
        title=f"The {family} family, in digits that the network was not "
        "trained on",
    )
    figure.savefig(path, dpi=80)


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Train a small network for each family of layers on "
        "distorted digits, and plot the attention of its layers."
    )
    parser.add_argument(
        "--only",
        choices=FAMILIES,
        nargs="+",
        metavar="FAMILY",
        default=list(FAMILIES),
        help=f"families to train, of {', '.join(FAMILIES)} (default: all)",
    )
    _support.add_data_options(parser)
    _support.add_options(parser, epochs=30, output="output/every_layer")
    parser.set_defaults(seeds=1)
    return parser.parse_args()


def main() -> None:
    """Train the networks, print a table and save plots."""
    options = parse_options()
    keras.config.set_image_data_format("channels_last")
    print(f"Keras {keras.__version__} on {BACKEND}", flush=True)
    task = _training.make_task(options, DISTORTION)
    rows, models = _training.compare(
        {name: partial(build_model, FAMILIES[name]) for name in options.only},
        task,
        epochs=options.epochs,
        seeds=options.seeds,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
    )
    print(f"\n{_table.markdown('family', COLUMNS, rows)}\n")
    print(f"{_table.about(options.seeds, len(task.images), BACKEND)}\n")
    for name, model in models.items():
        path = options.output / f"every_layer_{name}.png"
        plot(model, task, name, path)
        print(f"picture: {path}")


if __name__ == "__main__":
    main()
