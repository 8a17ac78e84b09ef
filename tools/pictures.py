"""Updates all pictures of the site by running the examples.

    tox run -e pictures
    tox run -e pictures -- digits fusion

Runs the scripts with the settings of which `docs/results.md` has the tables,
each with a progress bar, and copies their plots to `docs/pictures`. All
together they take more than an hour on two cores.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
# The options of each example, and its files: a name, or a pattern for all of
# them, and the name or the folder on the site. `compare_all` is `compare` with
# other options.
RUNS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "digits": ((), {"digits_transformer.png": "digits_transformer.png"}),
    "compare": (("--epochs", "10"), {"compare.png": "compare.png"}),
    "deformable": ((), {"deformable.png": "deformable.png"}),
    "noisy_labels": (
        ("--data", "fashion_mnist", "--train", "2000", "--epochs", "10"),
        {"noisy_labels.png": "noisy_labels.png"},
    ),
    # The table of `docs/guide/comparison.md`.
    "compare_all": (
        (
            *("--attention", "all", "--train", "400"),
            *("--width", "16", "--epochs", "8"),
        ),
        {"compare.png": "comparison.png"},
    ),
    "attention_maps": (
        (),
        {"attention_maps_positions.png": "attention_maps.png"},
    ),
    "every_layer": ((), {"*.png": "layers/"}),
    "spatial_transformer": (
        (),
        {"spatial_transformer.png": "spatial_transformer.png"},
    ),
    "recurrent_attention": (
        (),
        {"recurrent_attention.png": "recurrent_attention.png"},
    ),
    "dynamic_capacity": (
        ("--patches", "2", "4", "8"),
        {"dynamic_capacity.png": "dynamic_capacity.png"},
    ),
    "fusion": ((), {"fusion.png": "fusion.png"}),
    "segmentation": ((), {"segmentation.png": "segmentation.png"}),
    "upgrade_pretrained": (
        (),
        {"upgrade_pretrained.png": "upgrade_pretrained.png"},
    ),
}


def copy(folder: Path, pattern: str, name: str) -> None:
    """Copy the files of a pattern to a name, or a folder that ends in `/`."""
    files = sorted(folder.glob(pattern))
    if not files:
        raise FileNotFoundError(f"{pattern} was not written")
    for file in files:
        target = ROOT / "docs" / "pictures" / name
        if name.endswith("/"):
            target.mkdir(exist_ok=True)
            target /= file.name
        shrink(file, target)
        print(f"wrote {target.relative_to(ROOT)}", flush=True)


def shrink(file: Path, target: Path) -> None:
    """Write a picture with at most 256 colors, which takes a third of a file.

    The pictures of the site are in the repository, in every clone.
    """
    picture = Image.open(file).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)


def main() -> None:
    """Run the selected examples, one after another."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "examples",
        nargs="*",
        metavar="EXAMPLE",
        help=f"which examples, of {', '.join(RUNS)} (default: all)",
    )
    chosen = parser.parse_args().examples or list(RUNS)
    if unknown := set(chosen) - set(RUNS):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    for number, name in enumerate(chosen, 1):
        options, pictures = RUNS[name]
        print(f"{number}/{len(chosen)} {name}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            script = ROOT / "examples" / f"{name.removesuffix('_all')}.py"
            command = [sys.executable, script, *options, "--output", folder]
            subprocess.run(command, check=True)
            for pattern, name in pictures.items():
                copy(Path(folder), pattern, name)


if __name__ == "__main__":
    main()
