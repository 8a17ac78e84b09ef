"""Converting arrays, and assigning all weights of a target or none."""

import contextlib
from collections.abc import Mapping

import keras
import ml_dtypes
import numpy as np

from keras_attention.checkpoints import _errors
from keras_attention.checkpoints._matching import Match


def convert(
    match: Match,
    weights: Mapping[str, keras.Variable],
    arrays: dict[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Return arrays in Keras' axis order and the weights' dtypes, by path.

    Args:
        match: An exact match.
        weights: The weights of the target, by path.
        arrays: The source of the match. Each array is removed from it when it
            is converted, to save memory.

    Raises:
        ValueError: If a number is not finite in the dtype of its weight.
    """
    pieces: dict[str, list[np.ndarray]] = {}
    not_finite: dict[str, str] = {}
    for key, (path, axis_order) in match.expected_keys.items():
        dtype = weights[path].dtype
        if key not in match.matched_keys:  # not in the published layout
            zeros = np.zeros(match.shapes[path], _numpy_dtype(dtype))
            pieces.setdefault(path, []).append(zeros)
            continue
        name = match.matched_keys[key]
        with np.errstate(over="ignore", invalid="ignore"):
            array = arrays.pop(name).astype(_numpy_dtype(dtype), copy=False)
        if not np.isfinite(array).all():
            not_finite[name] = dtype
        pieces.setdefault(path, []).append(axis_order.to_keras(array))
    if not_finite:
        names = _errors.joined(map(_errors.quoted, not_finite))
        raise ValueError(
            "`source` must hold numbers that are finite, also in the dtype of "
            "the target's weights, here "
            f"{' and '.join(sorted(set(not_finite.values())))}. Nothing was "
            f"loaded. Received: not finite=[{names}]"
        )
    return {
        path: some[0] if len(some) == 1 else np.concatenate(some, axis=-1)
        for path, some in pieces.items()
    }


def assign(
    weights: Mapping[str, keras.Variable], arrays: dict[str, np.ndarray]
) -> None:
    """Assign arrays to weights; after an error, restore the old values.

    Args:
        weights: The weights, by path.
        arrays: Their arrays, by path. Each is removed from the dictionary when
            it is assigned, to save memory.
    """
    before: list[tuple[keras.Variable, np.ndarray]] = []
    try:
        for path in list(arrays):
            weight = weights[path]
            old = np.array(keras.ops.convert_to_numpy(weight))
            before.append((weight, old))
            weight.assign(arrays.pop(path))
    except BaseException:  # including KeyboardInterrupt
        for weight, old in reversed(before):
            with contextlib.suppress(Exception):
                weight.assign(old)
        raise


def _numpy_dtype(name: str) -> np.dtype:
    """Return a dtype by name, of NumPy or of ml_dtypes."""
    return np.dtype(getattr(ml_dtypes, name, name))
