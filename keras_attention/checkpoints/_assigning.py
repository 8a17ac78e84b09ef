"""Setting the weights of a target: all of them, or none."""

import contextlib
from collections.abc import Mapping

import keras
import ml_dtypes
import numpy as np

from keras_attention.checkpoints import _report
from keras_attention.checkpoints._matching import Reading


def converted(
    reading: Reading,
    weights: Mapping[str, keras.Variable],
    arrays: dict[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Return what fits as Keras lays it out, in the weights' dtypes, by path.

    Args:
        reading: A reading that fits.
        weights: The weights of the target, by path.
        arrays: The source of the reading. Each array leaves it when it is
            converted, so that no more memory is held than need be.

    Raises:
        ValueError: If a number is not finite in the dtype of its weight.
    """
    parts: dict[str, list[np.ndarray]] = {}
    faults: dict[str, str] = {}
    for short, (path, kind) in reading.expected.items():
        name = reading.found[short]
        dtype = weights[path].dtype
        with np.errstate(over="ignore", invalid="ignore"):
            array = arrays.pop(name).astype(_numpy_dtype(dtype), copy=False)
        if not np.isfinite(array).all():
            faults[name] = dtype
        parts.setdefault(path, []).append(kind.to_keras(array))
    if faults:
        names = _report.listed(map(_report.quoted, faults))
        raise ValueError(
            "`source` must hold finite numbers alone, and numbers that are "
            "finite in the dtype of the target's weights, here "
            f"{' and '.join(sorted(set(faults.values())))}. Nothing was "
            f"loaded. Received: not finite=[{names}]"
        )
    return {
        path: arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=-1)
        for path, arrays in parts.items()
    }


def assign(
    weights: Mapping[str, keras.Variable], arrays: dict[str, np.ndarray]
) -> None:
    """Set weights to arrays, and back to what they were after an error.

    Args:
        weights: The weights, by path.
        arrays: Their arrays, by path. Each leaves the dictionary when it is
            assigned, and what it replaces is held in its stead.
    """
    before: list[tuple[keras.Variable, np.ndarray]] = []
    try:
        for path in list(arrays):
            weight = weights[path]
            old = np.array(keras.ops.convert_to_numpy(weight))
            before.append((weight, old))
            weight.assign(arrays.pop(path))
    except BaseException:  # an interruption by the keyboard, too
        for weight, old in reversed(before):
            with contextlib.suppress(Exception):
                weight.assign(old)
        raise


def _numpy_dtype(name: str) -> np.dtype:
    """Return the dtype of a weight, which NumPy alone may not have."""
    return np.dtype(getattr(ml_dtypes, name, name))
