"""Setup of the examples before Keras is imported, and their options."""

import argparse
import atexit
import importlib.util
import json
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

BACKENDS = ("jax", "tensorflow", "torch")

# The packages of modules with another name.
PACKAGES = {
    "keras_attention": ".",  # from the root of the checkout
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
}


def prepare(*modules: str, threads: int | None = 1) -> str:
    """Prepare the import of Keras and this package; return the backend.

    Args:
        modules: Other modules that the example imports.
        threads: Number of threads, unless the environment sets it. For small
            images more threads are not faster.
    """
    if threads:
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    # Threads that wait for others leave the cores to other processes.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    backend = choose_backend()
    require("keras_attention", *modules)
    return backend


def choose_backend() -> str:
    """Choose a Keras backend that is installed, and return its name.

    Call this before Keras is imported. `KERAS_BACKEND` selects the backend. If
    it is not set, the backend of Keras' configuration file is used if that is
    installed, otherwise the first installed backend. (The default of Keras is
    TensorFlow.)
    """
    _quiet_tensorflow()
    asked = os.environ.get("KERAS_BACKEND")
    backend = _checked(asked) if asked else _first_installed()
    os.environ["KERAS_BACKEND"] = backend
    return backend


def cache_compilations() -> None:
    """Let JAX compile the same network only once for all seeds.

    Call this before JAX is imported. The compiled programs are in a temporary
    folder, which is removed at the end.
    """
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    cache = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, cache, ignore_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = cache
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"


def fail(message: str) -> NoReturn:
    """End the program as `argparse` does, with a message and status 2."""
    print(f"{Path(sys.argv[0]).name}: error: {message}", file=sys.stderr)
    raise SystemExit(2)


def add_options(
    parser: argparse.ArgumentParser, *, epochs: int, output: str
) -> None:
    """Add the options that every example has, with these defaults."""
    parser.add_argument(
        "--epochs",
        type=positive_integer,
        default=epochs,
        help="how often to see the training images (default: %(default)s)",
    )
    parser.add_argument(
        "--seeds",
        type=positive_integer,
        default=3,
        help="how many times to train each model (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        type=folder,
        default=output,
        metavar="DIR",
        help="where to write what is made (default: %(default)s)",
    )


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose images."""
    parser.add_argument(
        "--data",
        choices=("digits", "mnist", "fashion_mnist"),
        default="digits",
        help="scikit-learn's digits, or a data set that is downloaded "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--train",
        type=positive_integer,
        metavar="COUNT",
        help="how many of the training images to use (default: all)",
    )
    parser.add_argument(
        "--validate",
        action="store_true",
        help="test on a fifth of the training images, and train on the others: "
        "to choose settings by",
    )


def positive_integer(text: str) -> int:
    """Return `text` as a number of at least 1: a type for `argparse`."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(
            f"must be a positive integer. Received: {text}"
        )
    return number


def seed(text: str) -> int:
    """Return `text` as a random seed: a type for `argparse`."""
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(
            f"must be an integer from 0 to 2147483647. Received: {text}"
        )
    return int(text)


def share(text: str) -> float:
    """Return `text` as a number between 0 and 1: a type for `argparse`."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(
            f"must be a number between 0 and 1. Received: {text}"
        )
    return number


def folder(text: str) -> Path:
    """Return `text` as a folder, created if needed: a type for `argparse`."""
    path = Path(text)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"cannot be made a folder ({error.strerror}). Received: {text}"
        ) from error
    return path


def require(*modules: str) -> None:
    """End the program unless it can import the modules it needs."""
    missing = [module for module in modules if not _is_installed(module)]
    if missing:
        install = " ".join(sorted(PACKAGES.get(m, m) for m in missing))
        fail(f"{', '.join(missing)} not found. Try: pip install {install}")


def _quiet_tensorflow() -> None:
    # Keras also imports TensorFlow under other backends, if it is installed. It
    # prints a message about oneDNN at any log level, unless oneDNN is off.
    # Without oneDNN, results do not depend on the number of threads.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    # It also warns when each of several models predicts only once.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def _checked(backend: str) -> str:
    if backend not in BACKENDS:
        fail(
            f"KERAS_BACKEND must be {', '.join(BACKENDS[:-1])} or "
            f"{BACKENDS[-1]}. Received: KERAS_BACKEND={backend}"
        )
    if not _is_installed(backend):
        fail(
            f"KERAS_BACKEND={backend}, but {backend} is not installed. "
            f"Try: pip install {backend}"
        )
    return backend


def _first_installed() -> str:
    for backend in (_configured(), *BACKENDS):
        if backend in BACKENDS and _is_installed(backend):
            return backend
    fail(
        f"Keras needs one of {', '.join(BACKENDS)}, and none is installed. "
        "Try: pip install jax"
    )


def _configured() -> str | None:
    """Return the backend that Keras' configuration file names, if any."""
    home = os.environ.get("KERAS_HOME", "~/.keras")
    try:
        text = (Path(home).expanduser() / "keras.json").read_text("utf-8")
        return json.loads(text).get("backend")
    except (OSError, ValueError, AttributeError):
        return None


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
