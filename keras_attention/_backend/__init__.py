"""What a backend does better in its own words.

This is the one place that may import a backend. Each folder has the same
functions, `plain` has them in `keras.ops`, for a backend that has no folder and
as the twin that the others are tested against. Only the folder of the active
backend is imported.
"""

import importlib

import keras

_NAME = keras.config.backend()
_FOLDER = _NAME if _NAME in ("jax", "tensorflow", "torch") else "plain"
_active = importlib.import_module(f"{__name__}.{_FOLDER}")

deform = _active.deform
gradient = _active.gradient
grid_sample = _active.grid_sample
largest = _active.largest
take_along = _active.take_along
take_rows = _active.take_rows
weighted_rows = _active.weighted_rows
