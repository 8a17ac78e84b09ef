"""PyTorch."""

from keras_attention._backend.torch.autodiff import gradient
from keras_attention._backend.torch.deform import deform
from keras_attention._backend.torch.elementwise import blend
from keras_attention._backend.torch.elementwise import rectify
from keras_attention._backend.torch.elementwise import step
from keras_attention._backend.torch.norm import batch_norm
from keras_attention._backend.torch.norm import normalize
from keras_attention._backend.torch.products import conv2d
from keras_attention._backend.torch.products import pointwise
from keras_attention._backend.torch.reductions import dots
from keras_attention._backend.torch.reductions import largest
from keras_attention._backend.torch.reductions import mean
from keras_attention._backend.torch.reductions import scale
from keras_attention._backend.torch.reductions import total
from keras_attention._backend.torch.resizing import halve
from keras_attention._backend.torch.resizing import resize_bilinear
from keras_attention._backend.torch.resizing import tile_means
from keras_attention._backend.torch.rows import take_rows
from keras_attention._backend.torch.rows import weighted_rows
from keras_attention._backend.torch.sampling import grid_sample
from keras_attention._backend.torch.sampling import take_along
from keras_attention._backend.torch.shapes import cast
from keras_attention._backend.torch.shapes import expand_dims
from keras_attention._backend.torch.shapes import reshape
from keras_attention._backend.torch.vectors import affine
from keras_attention._backend.torch.windows import window_sums
