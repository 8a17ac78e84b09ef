"""Functions that the layers are made of: sampling grids and samplers."""

from keras_attention.ops.deform_conv2d import deform_conv2d
from keras_attention.ops.extract_glimpses import extract_glimpses
from keras_attention.ops.grid_sample import grid_sample
from keras_attention.ops.grids import affine_grid
from keras_attention.ops.grids import projective_grid
from keras_attention.ops.grids import tps_grid
from keras_attention.ops.sample_offsets import sample_offsets

__all__ = [
    "affine_grid",
    "deform_conv2d",
    "extract_glimpses",
    "grid_sample",
    "projective_grid",
    "sample_offsets",
    "tps_grid",
]
