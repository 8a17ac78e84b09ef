"""The backbone of ALIKED, with trained deformable convolutions."""

from collections.abc import Mapping
from typing import Any

import _published
import _support
import keras
import numpy as np
from keras import layers
from keras import ops
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import keras_attention

SOURCE = (
    "models/aliked-t16.pth of the repository Shiaoming/ALIKED (BSD license). "
    "It needs torch, kornia and scikit-image."
)
FILTERS = (8, 16, 32, 64)
POOLS = (1, 2, 4, 4)
DEFORMABLE = ("block3_conv1", "block3_conv2", "block4_conv1", "block4_conv2")
# The locations whose taps are plotted, as shares of the height and width.
SHOWN = [(y, x) for y in (0.2, 0.5, 0.8) for x in (0.2, 0.5, 0.8)]


def build(shape: tuple[int, ...]) -> keras.Model:
    """Return the four blocks, a model with the output of each."""
    x = inputs = keras.Input(shape)
    outputs = []
    blocks = zip(FILTERS, POOLS, strict=True)
    for number, (filters, pool) in enumerate(blocks, 1):
        if pool > 1:
            x = layers.AveragePooling2D(pool, data_format="channels_last")(x)
        start = x
        for i in (1, 2):
            name = f"block{number}_conv{i}"
            x = convolution(name, filters)(x)
            x = layers.BatchNormalization(
                axis=-1, epsilon=1e-5, name=f"block{number}_bn{i}"
            )(x)
            if i == 1:
                x = layers.Activation("selu")(x)
        if number > 1:
            name = f"block{number}_downsample"
            x = x + plain_convolution(name, filters, 1, use_bias=True)(start)
        x = layers.Activation("selu", name=f"block{number}")(x)
        outputs.append(x)
    return keras.Model(inputs, outputs)


def convolution(name: str, filters: int) -> keras.layers.Layer:
    """Return a convolution of a block, which may be deformable."""
    if name not in DEFORMABLE:
        return plain_convolution(name, filters, 3)
    return keras_attention.DeformableConv2D(
        filters,
        padding=1,
        modulated=False,
        max_offset=0.25,
        use_bias=False,
        data_format="channels_last",
        name=name,
    )


def plain_convolution(
    name: str, filters: int, size: int, use_bias: bool = False
) -> keras.layers.Layer:
    """Return an ordinary convolution."""
    return layers.Conv2D(
        filters,
        size,
        padding="same",
        use_bias=use_bias,
        data_format="channels_last",
        name=name,
    )


def load(model: keras.Model, weights: Mapping[str, np.ndarray]) -> None:
    """Load published weights: each layer has its name in the file."""
    for layer in model.layers:
        prefix = f"{layer.name}.".replace("_", ".")
        if isinstance(layer, keras_attention.DeformableConv2D):
            keras_attention.load_reference_weights(
                layer, weights, prefix=prefix
            )
        elif isinstance(layer, layers.Conv2D):
            kernel = weights[f"{prefix}weight"].transpose(2, 3, 1, 0)
            bias = [weights[f"{prefix}bias"]] if layer.use_bias else []
            layer.set_weights([kernel, *bias])
        elif isinstance(layer, layers.BatchNormalization):
            names = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([weights[f"{prefix}{name}"] for name in names])


def make_weights(model: keras.Model) -> dict[str, np.ndarray]:
    """Return random weights by the published names."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in model.layers:
        prefix = f"{layer.name}.".replace("_", ".")
        if isinstance(layer, keras_attention.DeformableConv2D):
            exported = keras_attention.export_reference_weights(layer, "aliked")
            shapes |= {prefix + k: v.shape for k, v in exported.items()}
        elif isinstance(layer, layers.Conv2D):
            height, width, inputs, filters = layer.kernel.shape
            shapes[f"{prefix}weight"] = (filters, inputs, height, width)
            shapes[f"{prefix}bias"] = (filters,)
        elif isinstance(layer, layers.BatchNormalization):
            for name in ("weight", "bias", "running_mean", "running_var"):
                shapes[prefix + name] = tuple(layer.gamma.shape)
    return {k: _published.make_weight(k, shape) for k, shape in shapes.items()}


def run_kornia(
    state: Mapping[str, Any], image: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the outputs of the blocks of kornia's network, channels last."""
    import torch  # noqa: TID251 (kornia is made of it)
    from kornia.feature import ALIKED

    network = ALIKED("aliked-t16").eval()
    # The file does not have the constants of the detector of key points.
    network.load_state_dict({**network.state_dict(), **state})
    outputs = {}

    def keep(name):
        def hook(module, inputs, output):
            outputs[name] = output.numpy().transpose(0, 2, 3, 1).copy()

        return hook

    for name in ("block1", "block2", "block3", "block4"):
        getattr(network, name).register_forward_hook(keep(name))
    with torch.no_grad():
        network.extract_dense_map(torch.tensor(image.transpose(0, 3, 1, 2)))
    return outputs


def plot(
    path: Any, image: np.ndarray, offsets: Mapping[str, np.ndarray]
) -> None:
    """Save a plot of the taps of each deformable convolution on an image."""
    figure = Figure(figsize=(12, 3.5), dpi=100, layout="constrained")
    figure.suptitle(
        "Trained sampling locations of the 9 taps, for 9 locations (crosses)"
    )
    axes = figure.subplots(1, len(offsets))
    for axis, (name, found) in zip(axes, offsets.items(), strict=True):
        axis.imshow(image.mean(-1), cmap="gray", vmin=-0.3, vmax=1.3)
        axis.set_title(name, fontsize=10)
        axis.set_xticks([])
        axis.set_yticks([])
        _plot_taps(axis, found, image.shape[0] // found.shape[0])
        axis.set_xlim(-0.5, image.shape[1] - 0.5)
        axis.set_ylim(image.shape[0] - 0.5, -0.5)
    figure.savefig(path)


def _plot_taps(axis: Axes, offsets: np.ndarray, stride: int) -> None:
    """Plot the taps of some windows of a map with this stride."""
    height, width, _ = offsets.shape
    taps = np.stack(np.meshgrid((-1, 0, 1), (-1, 0, 1), indexing="ij"), -1)
    colors = colormaps["tab10"]
    for number, (y, x) in enumerate(SHOWN):
        center = np.array([int(y * height), int(x * width)])
        found = offsets[tuple(center)].reshape(9, 2) + taps.reshape(9, 2)
        rows, columns = ((center + found + 0.5) * stride - 0.5).T
        row, column = (center + 0.5) * stride - 0.5
        color = colors(number)
        axis.scatter(columns, rows, s=18, color=color, edgecolors="white")
        axis.plot(column, row, "x", color=color, markersize=9, mew=2.5)


def main(arguments: list[str], backend: str) -> None:
    """Load the weights, compare the blocks with kornia, and plot the taps."""
    options = _published.parser(
        "aliked", "Compute the blocks of a trained key-point network.", SOURCE
    ).parse_args(arguments)
    baseline = {}
    if options.file is None:
        image = np.random.default_rng(0).uniform(size=(1, 64, 64, 3))
        model = build(image.shape[1:])
        load(model, make_weights(model))
    else:
        _support.require("torch", "kornia", "skimage")
        import torch  # noqa: TID251
        from skimage import data

        image = data.astronaut()[None] / 255
        model = build(image.shape[1:])
        try:
            state = torch.load(
                options.file, map_location="cpu", weights_only=True
            )
            load(model, {name: t.numpy() for name, t in state.items()})
            baseline = run_kornia(state, image.astype("float32"))
        except (KeyError, OSError, RuntimeError, ValueError) as error:
            _support.fail(str(error))
    image = image.astype("float32")
    title = options.file.name if options.file else "random weights"
    print(f"DeformableConv2D with {title} on {backend}\n")
    print("| block | shape | mean | difference from kornia |")
    print("|:--|--:|--:|--:|")
    outputs = model.predict(image, verbose=0)
    for number, output in enumerate(outputs, 1):
        name = f"block{number}"
        difference = "not compared"
        if name in baseline:
            difference = f"{np.abs(output - baseline[name]).max():.1e}"
        shape = " x ".join(map(str, output.shape[1:]))
        print(f"| {name} | {shape} | {output.mean():.4f} | {difference} |")
    print()
    offsets = {}
    for name in DEFORMABLE:
        layer = model.get_layer(name)
        inputs = keras.Model(model.input, layer.input).predict(image, verbose=0)
        found = ops.convert_to_numpy(layer.attention(inputs)["offsets"])[0]
        offsets[name] = found
        limit = layer.max_offset * max(inputs.shape[1:3])
        print(
            f"{name}: offsets of {np.abs(found).mean():.2f} pixels on average, "
            f"{100 * np.mean(np.abs(found) == limit):.2f} % at the limit of "
            f"{limit:g}"
        )
    path = options.output / "published_aliked.png"
    plot(path, image[0], offsets)
    print(f"\npicture: {path}")
