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

affine = _active.affine
batch_norm = _active.batch_norm
blend = _active.blend
cast = _active.cast
conv2d = _active.conv2d
deform = _active.deform
dots = _active.dots
expand_dims = _active.expand_dims
gradient = _active.gradient
grid_sample = _active.grid_sample
halve = _active.halve
largest = _active.largest
mean = _active.mean
normalize = _active.normalize
pointwise = _active.pointwise
rectify = _active.rectify
reshape = _active.reshape
resize_bilinear = _active.resize_bilinear
scale = _active.scale
step = _active.step
take_along = _active.take_along
take_rows = _active.take_rows
tile_means = _active.tile_means
total = _active.total
weighted_rows = _active.weighted_rows
window_sums = _active.window_sums
