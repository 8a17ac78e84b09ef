"""PyTorch."""

from keras_attention._backend.plain.reductions import largest
from keras_attention._backend.torch.autodiff import gradient
from keras_attention._backend.torch.deform import deform
from keras_attention._backend.torch.rows import take_rows
from keras_attention._backend.torch.rows import weighted_rows
from keras_attention._backend.torch.sampling import grid_sample
from keras_attention._backend.torch.sampling import take_along

__all__ = [
    "deform",
    "gradient",
    "grid_sample",
    "largest",
    "take_along",
    "take_rows",
    "weighted_rows",
]
