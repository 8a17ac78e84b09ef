"""Parts of `published_weights.py`: its options, its random weights."""

import argparse
import zlib
from pathlib import Path

import _support
import numpy as np


def parser(name: str, description: str, source: str) -> argparse.ArgumentParser:
    """Return a parser with the options of all systems.

    Args:
        name: The name of the system.
        description: What the command does.
        source: Where the file is published.
    """
    made = argparse.ArgumentParser(
        prog=f"published_weights.py {name}", description=description
    )
    made.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        type=Path,
        help=f"{source} Without a file, the weights are random numbers.",
    )
    made.add_argument(
        "--output",
        type=_support.folder,
        default="output/published_weights",
        metavar="DIR",
        help="where to write the picture (default: %(default)s)",
    )
    return made


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
