"""A trained network with two non-local blocks."""

import argparse
from collections.abc import Mapping
from pathlib import Path

import _published
import _support
import keras
import numpy as np
from keras import layers
from keras import ops
from matplotlib.figure import Figure

import keras_attention

SOURCE = (
    "The trained network of the repository AlexHex7/Non-local_pytorch "
    "(Apache-2.0), which also has attention maps and their digit. A PyTorch "
    "file needs torch."
)
FILTERS = (32, 64, 128)
# Locations in the map of the first block whose weights are plotted.
QUERIES = ((4, 4), (4, 9), (8, 7), (11, 6))
CHECKED = 1000  # digits, of which the predicted classes are compared


def build() -> keras.Model:
    """Return the network, a model with the logits."""
    x = inputs = keras.Input((28, 28, 1))
    for number, filters in enumerate(FILTERS, 1):
        x = layers.Conv2D(
            filters,
            3,
            padding="same",
            data_format="channels_last",
            name=f"conv_{number}_0",
        )(x)
        x = layers.BatchNormalization(
            axis=-1, epsilon=1e-5, name=f"conv_{number}_1"
        )(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D(2, data_format="channels_last")(x)
        if number < 3:
            x = keras_attention.NonLocal(
                scale=False,
                pool_size=2,
                use_norm=True,
                data_format="channels_last",
                name=f"nl_{number}",
            )(x)
    # PyTorch flattens the channels first.
    x = layers.Flatten()(layers.Permute((3, 1, 2))(x))
    x = layers.Dense(256, activation="relu", name="fc_0")(x)
    return keras.Model(inputs, layers.Dense(10, name="fc_3")(x))


def names_of(layer: keras.layers.Layer) -> list[str]:
    """Return the published names of the weights of a layer of Keras."""
    if isinstance(layer, layers.BatchNormalization):
        parts = ["weight", "bias", "running_mean", "running_var"]
    elif isinstance(layer, layers.Conv2D | layers.Dense):
        parts = ["weight", "bias"]
    else:
        return []
    kind, number, index = (*layer.name.split("_"), "")[:3]
    name = f"{kind}_{number}.{index}" if index else f"{kind}.{number}"
    return [f"module.{name}.{part}" for part in parts]


def load(model: keras.Model, weights: Mapping[str, np.ndarray]) -> None:
    """Load published weights: each layer has its name in the file."""
    for layer in model.layers:
        if isinstance(layer, keras_attention.NonLocal):
            keras_attention.load_reference_weights(
                layer, weights, prefix=f"module.{layer.name}."
            )
        elif names := names_of(layer):
            arrays = [weights[name] for name in names]
            if arrays[0].ndim == 4:
                arrays[0] = arrays[0].transpose(2, 3, 1, 0)
            elif arrays[0].ndim == 2:
                arrays[0] = arrays[0].T
            layer.set_weights(arrays)


def make_weights(model: keras.Model) -> dict[str, np.ndarray]:
    """Return random weights by the published names."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in model.layers:
        if isinstance(layer, keras_attention.NonLocal):
            exported = keras_attention.export_reference_weights(
                layer, "non-local_pytorch"
            )
            shapes |= {
                f"module.{layer.name}.{name}": array.shape
                for name, array in exported.items()
            }
        elif names := names_of(layer):
            own = [tuple(w.shape) for w in layer.weights]
            # OIHW and OI, not HWIO and IO.
            own[0] = (*own[0][-2:][::-1], *own[0][:-2])
            shapes |= dict(zip(names, own, strict=True))
    return {k: _published.make_weight(k, shape) for k, shape in shapes.items()}


def reference(
    weights: Mapping[str, np.ndarray], images: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return logits and attention, computed by NumPy in float64."""
    w = {
        name.removeprefix("module."): array.astype("float64")
        for name, array in weights.items()
    }
    x, maps = images.astype("float64"), []
    for number in (1, 2, 3):
        x = _convolved(x, w, f"conv_{number}.0")
        x = _pooled(np.maximum(_normalized(x, w, f"conv_{number}.1"), 0))
        if number < 3:
            y, attention = _attended(x, w, f"nl_{number}")
            x = x + y
            maps.append(attention)
    x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
    x = np.maximum(x @ w["fc.0.weight"].T + w["fc.0.bias"], 0)
    return x @ w["fc.3.weight"].T + w["fc.3.bias"], maps


def _convolved(x, w, name):
    """Return a convolution, by the sum of products of shifted maps."""
    kernel = w[f"{name}.weight"].transpose(2, 3, 1, 0)
    size = len(kernel)
    padded = np.pad(x, ((0, 0), *[(size // 2,) * 2] * 2, (0, 0)))
    height, width = x.shape[1:3]
    return w[f"{name}.bias"] + sum(
        padded[:, i : i + height, j : j + width] @ kernel[i, j]
        for i in range(size)
        for j in range(size)
    )


def _normalized(x, w, name):
    """Return batch normalization by moving statistics."""
    scale = w[f"{name}.weight"] / np.sqrt(w[f"{name}.running_var"] + 1e-5)
    return (x - w[f"{name}.running_mean"]) * scale + w[f"{name}.bias"]


def _pooled(x):
    """Return the maxima of blocks of 2 x 2."""
    _, height, width, _ = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    return np.maximum.reduce([x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)])


def _attended(x, w, name):
    """Return what a non-local block adds, and its attention."""
    query, key, value = (
        _convolved(x, w, f"{name}.{part}") for part in ("theta", "phi.0", "g.0")
    )
    key, value = (
        _pooled(part).reshape(len(x), -1, part.shape[-1])
        for part in (key, value)
    )
    scores = query.reshape(len(x), -1, query.shape[-1]) @ key.swapaxes(1, 2)
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    attention = scores / scores.sum(-1, keepdims=True)
    y = (attention @ value).reshape(query.shape)
    return _normalized(_convolved(y, w, f"{name}.W.0"), w, f"{name}.W.1"), (
        attention
    )


def load_images(
    options: argparse.Namespace,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return images from 0 to 1, the first that of the maps, and classes."""
    if options.file is None:
        return np.random.default_rng(0).uniform(size=(8, 28, 28, 1)), None
    if options.digits:
        with np.load(options.digits) as file:
            images, labels = file["x"], file["y"]
    else:
        _, (images, labels) = keras.datasets.mnist.load_data()
    order = np.random.default_rng(0).permutation(len(images))[:CHECKED]
    return images[order, ..., None] / 255, labels[order]


def plot(path: Path, image: np.ndarray, attention: np.ndarray) -> None:
    """Save a plot of the weights of the first block for some locations."""
    figure = Figure(figsize=(12, 3.2), dpi=100, layout="constrained")
    figure.suptitle(
        "Weights of the first non-local block for one location (cross) each"
    )
    axes = figure.subplots(1, len(QUERIES) + 1)
    axes[0].set_title("image", fontsize=10)
    for axis, query in zip(axes, (None, *QUERIES), strict=True):
        axis.imshow(image, cmap="gray_r", extent=(0, 14, 14, 0))
        axis.set_xticks([])
        axis.set_yticks([])
        if query is None:
            continue
        row, column = query
        weights = attention[row * 14 + column].reshape(7, 7)
        axis.imshow(weights, cmap="inferno", alpha=0.7, extent=(0, 14, 14, 0))
        axis.plot(column + 0.5, row + 0.5, "x", color="cyan", mew=2.5)
        axis.set_title(f"at {query}, at most {weights.max():.2f}", fontsize=10)
    figure.savefig(path)


def main(arguments: list[str], backend: str) -> None:
    """Load the weights, compare logits and attention, and plot weights."""
    parser = _published.parser(
        "non_local", "Compute the attention of a trained network.", SOURCE
    )
    parser.add_argument(
        "--digit", type=Path, metavar="PNG", help="the digit of the maps"
    )
    parser.add_argument(
        "--maps",
        nargs=2,
        type=Path,
        default=(),
        metavar="NPY",
        help="the authors' attention maps of the digit, of both blocks",
    )
    parser.add_argument(
        "--digits",
        type=Path,
        metavar="NPZ",
        help="digits of 28 x 28 pixels: arrays x, from 0 to 255, and y "
        "(default: the test digits of MNIST, which Keras downloads)",
    )
    options = parser.parse_args(arguments)
    model = build()
    try:
        if options.file is None:
            weights = make_weights(model)
        else:
            _support.require("torch")
            import torch  # noqa: TID251

            state = torch.load(
                options.file, map_location="cpu", weights_only=True
            )
            weights = {name: tensor.numpy() for name, tensor in state.items()}
        load(model, weights)
        images, labels = load_images(options)
        authors = [np.load(path) for path in options.maps]
        shown = images[:1]
        if options.digit:
            shown = keras.utils.load_img(options.digit, color_mode="grayscale")
            shown = np.asarray(shown)[None, ..., None] / 255
    except (KeyError, OSError, RuntimeError, ValueError) as error:
        _support.fail(str(error))
    title = options.file.name if options.file else "random weights"
    print(f"NonLocal with {title} on {backend}\n")
    blocks = [model.get_layer(f"nl_{number}") for number in (1, 2)]
    inputs = keras.Model(model.input, [block.input for block in blocks])
    maps = [
        ops.convert_to_numpy(block.attention(x))
        for block, x in zip(
            blocks, inputs.predict(shown, verbose=0), strict=True
        )
    ]
    logits = model.predict(images, verbose=0)
    few = slice(8)
    expected, _ = reference(weights, images[few])
    _, expected_maps = reference(weights, shown)
    print("| result | largest | difference from NumPy | from the authors |")
    print("|:--|--:|--:|--:|")
    _print_row("logits", logits[few], expected, None)
    for number, found in enumerate(maps):
        theirs = authors[number] if authors else None
        _print_row(
            f"attention {number + 1}", found, expected_maps[number], theirs
        )
    if labels is not None:
        right = int(np.sum(logits.argmax(-1) == labels))
        print(f"\n{right:,} of {len(labels):,} digits read correctly")
    path = options.output / "published_non_local.png"
    plot(path, shown[0, ..., 0], maps[0][0])
    print(f"\npicture: {path}")


def _print_row(name, found, expected, theirs):
    """Print a row of the table of differences."""
    cells = [
        "not compared"
        if other is None
        else f"{np.abs(found - other).max():.1e}"
        for other in (expected, theirs)
    ]
    print(f"| {name} | {np.abs(found).max():.4f} | {' | '.join(cells)} |")
