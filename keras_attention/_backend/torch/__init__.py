"""PyTorch."""

from keras_attention._backend.plain.reductions import largest
from keras_attention._backend.plain.sampling import take_rows
from keras_attention._backend.torch.autodiff import gradient
from keras_attention._backend.torch.blending import blend
from keras_attention._backend.torch.norm import batch_norm
from keras_attention._backend.torch.norm import normalize
from keras_attention._backend.torch.products import conv2d
from keras_attention._backend.torch.products import pointwise
from keras_attention._backend.torch.sampling import grid_sample

__all__ = [
    "batch_norm",
    "blend",
    "conv2d",
    "gradient",
    "grid_sample",
    "largest",
    "normalize",
    "pointwise",
    "take_rows",
]
