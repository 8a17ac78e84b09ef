"""PyTorch."""

from keras_attention._backend.plain.sampling import take_rows
from keras_attention._backend.torch.autodiff import gradient
from keras_attention._backend.torch.reductions import dots
from keras_attention._backend.torch.reductions import largest
from keras_attention._backend.torch.reductions import mean
from keras_attention._backend.torch.reductions import scale
from keras_attention._backend.torch.reductions import total
from keras_attention._backend.torch.sampling import grid_sample
from keras_attention._backend.torch.vectors import affine
from keras_attention._backend.torch.windows import window_sums

__all__ = [
    "affine",
    "dots",
    "gradient",
    "grid_sample",
    "largest",
    "mean",
    "scale",
    "take_rows",
    "total",
    "window_sums",
]
