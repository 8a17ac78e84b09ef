"""Published weights: networks, and layers trained by others.

    pip install ".[jax,safetensors]" pillow -c constraints.txt
    python examples/published_weights.py SKNet50 downloaded.safetensors cat.jpg
    python examples/published_weights.py CBAMResNet18
    pip install ".[jax,onnx,examples]" torch onnxruntime -c constraints.txt
    python examples/published_weights.py ram ram_6_8x8_2_model_best.pth.tar
    python examples/published_weights.py aliked aliked-t16.pth
    python examples/published_weights.py non_local FILE.pth --digits DIGITS.npz
    python examples/published_weights.py squeeze_excite FILE.onnx

The first form builds a network of `keras_attention.models`, loads the weights
of a downloaded file, and prints the five most likely classes of an image. The
file may be `.safetensors`, `.npz`, or a PyTorch file, which needs PyTorch.
Without an image, the image is noise.

The second form loads weights into a layer or a small model of this package,
prints how its results compare with published ones or with another
implementation, and saves a picture. `published_weights.py ram --help` says
where the file is published.

Without a file, the weights are random numbers seeded by their names: then the
output is the same on every backend, but for sampled locations. `KERAS_BACKEND`
selects one of the installed backends: jax, tensorflow or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import _support

BACKEND = _support.prepare(threads=None)

import _published
import keras
import numpy as np

import keras_attention
from keras_attention import models

# The layout of the random weights, by how the name of the network starts.
LAYOUTS = {
    "SE": "timm_legacy",
    "CBAM": "official",
    "SGE": "official",
    "SK": "timm",
    "AFF": "official",
    "IAFF": "official",
    "GCT": "official",
}
NETWORKS = [name for name in models.__all__ if name.startswith(tuple(LAYOUTS))]
SIZE = 224
# Layers and small models with published weights, each with its own options.
SYSTEMS = ("ram", "aliked", "non_local", "squeeze_excite")


def make_file(name: str, folder: str) -> Path:
    """Write random weights of a network to a file, and return its path."""
    layout = next(
        layout for start, layout in LAYOUTS.items() if name.startswith(start)
    )
    model = getattr(models, name)()
    exported = keras_attention.export_reference_weights(model, layout)
    path = Path(folder) / f"{name}.npz"
    np.savez(
        path,
        **{k: _published.make_weight(k, exported[k].shape) for k in exported},
    )
    return path


def load_image(path: Path | None) -> np.ndarray:
    """Return the center of an image, or noise, with values from 0 to 255."""
    if path is None:
        rng = np.random.default_rng(0)
        return rng.uniform(0, 255, (1, SIZE, SIZE, 3)).astype("float32")
    image = keras.utils.load_img(
        path,
        target_size=(SIZE, SIZE),
        interpolation="bicubic",
        keep_aspect_ratio=True,
    )
    return keras.utils.img_to_array(image, data_format="channels_last")[None]


def preprocess(builder: Any, image: np.ndarray, is_caffe: bool) -> np.ndarray:
    """Preprocess an image as it was for the training of the weights."""
    family = sys.modules[builder.__module__]
    options = {}
    if family is models.se_resnet:
        options = {"mode": "caffe" if is_caffe else "torch"}
    return keras.ops.convert_to_numpy(
        family.preprocess_input(image, "channels_last", **options)
    )


def table(scores: np.ndarray, names: bool) -> str:
    """Return the five most likely classes as a table in Markdown."""
    rows = ["| class | score |", "|---|---|"]
    if names:
        (found,) = models.se_resnet.decode_predictions(scores)
        rows += [f"| {name} | {score:.4f} |" for _, name, score in found]
    else:
        best = np.argsort(-scores[0])[:5]
        rows += [f"| {index} | {scores[0, index]:.4f} |" for index in best]
    return "\n".join(rows)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Classify an image with published weights."
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        choices=[*NETWORKS, *SYSTEMS],
        help=f"{', '.join(SYSTEMS)} or a network: {', '.join(NETWORKS)}",
    )
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path)
    parser.add_argument("image", metavar="IMAGE", nargs="?", type=Path)
    parser.add_argument(
        "--variant", help="the variant of the network that the file is for"
    )
    parser.add_argument(
        "--caffe",
        action="store_true",
        help="the file is from Caffe, so SE networks need BGR images",
    )
    parser.add_argument(
        "--names",
        action="store_true",
        help="print names of classes, from a file that Keras downloads",
    )
    return parser.parse_args(arguments)


def main() -> None:
    """Build the network, load the weights, predict, and print the classes."""
    if sys.argv[1:2] and sys.argv[1] in SYSTEMS:
        _support.prepare("matplotlib", "sklearn", threads=None)
        system = importlib.import_module(f"_published_{sys.argv[1]}")
        system.main(sys.argv[2:], BACKEND)
        return
    options = parse()
    builder = getattr(models, options.model)
    variant = {"variant": options.variant} if options.variant else {}
    with tempfile.TemporaryDirectory() as folder:
        file = options.file or make_file(options.model, folder)
        try:
            model = builder(
                weights=file, data_format="channels_last", **variant
            )
            image = load_image(options.image)
        except (OSError, TypeError, ValueError) as error:
            _support.fail(str(error))
    images = preprocess(builder, image, options.caffe)
    scores = model.predict_on_batch(images)
    print(f"{options.model} with {file.name} on {BACKEND}\n")
    print(table(scores, options.names))


if __name__ == "__main__":
    main()
