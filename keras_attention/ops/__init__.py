"""The functions that the layers are made of: grids, and sampling by them."""

from keras_attention.ops.grid_sample import grid_sample
from keras_attention.ops.grids import affine_grid
from keras_attention.ops.grids import projective_grid
from keras_attention.ops.grids import tps_grid

__all__ = ["affine_grid", "grid_sample", "projective_grid", "tps_grid"]
