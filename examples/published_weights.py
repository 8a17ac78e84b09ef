"""Classify an image with published weights.

    pip install ".[jax,safetensors]" pillow -c constraints.txt
    python examples/published_weights.py SKNet50 downloaded.safetensors cat.jpg
    python examples/published_weights.py CBAMResNet18

Builds a network of `keras_attention.models`, loads the weights of a downloaded
file, and prints the five most likely classes of an image. The file may be
`.safetensors`, `.npz`, or a PyTorch file, which needs PyTorch. Without a file,
the weights are random numbers seeded by their names, and without an image, the
image is noise: then the output is the same on every backend. `KERAS_BACKEND`
selects one of the installed backends: jax, tensorflow or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

import _support

BACKEND = _support.prepare(threads=None)

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


def make_weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return a random weight, seeded by its name and scaled for its layer."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    n = rng.standard_normal(shape)
    fan_in = int(np.prod(shape[1:]))
    if name.endswith("running_var"):
        weight = 0.5 + n**2 / 2
    elif name.endswith("running_mean"):
        weight = 0.1 * n
    elif len(shape) > 1 and fan_in > 1:
        weight = n * np.sqrt(2 / fan_in)
    elif len(shape) == 1 and name.endswith("weight"):
        weight = 0.6 + 0.1 * n
    else:
        weight = 0.05 * n
    return weight.astype("float32")


def make_file(name: str, folder: str) -> Path:
    """Write random weights of a network to a file, and return its path."""
    layout = next(
        layout for start, layout in LAYOUTS.items() if name.startswith(start)
    )
    model = getattr(models, name)()
    exported = keras_attention.export_reference_weights(model, layout)
    path = Path(folder) / f"{name}.npz"
    np.savez(path, **{k: make_weight(k, exported[k].shape) for k in exported})
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
    parser.add_argument("model", metavar="MODEL", choices=NETWORKS)
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
