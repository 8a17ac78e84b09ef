"""Sampling grids, samplers and deformable convolution as functions."""

from keras_attention.ops.affine_grid import affine_grid
from keras_attention.ops.deform_attention import deform_attention
from keras_attention.ops.deform_conv2d import deform_conv2d
from keras_attention.ops.extract_glimpses import extract_glimpses
from keras_attention.ops.grid_sample import grid_sample
from keras_attention.ops.projective_grid import projective_grid
from keras_attention.ops.sample_offsets import sample_offsets
from keras_attention.ops.tps_grid import tps_grid

__all__ = [
    "affine_grid",
    "deform_attention",
    "deform_conv2d",
    "extract_glimpses",
    "grid_sample",
    "projective_grid",
    "sample_offsets",
    "tps_grid",
]
