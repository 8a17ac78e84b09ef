"""Products of vectors."""

import keras
from torch.nn import functional


def affine(x, kernel, bias=None):
    """Return vectors times a matrix, plus a vector if there is one."""
    return functional.linear(x, value(kernel).T, value(bias))


def value(weight):
    """Return the tensor of a variable in the dtype of the layer it is in."""
    return weight.value if isinstance(weight, keras.Variable) else weight
