"""Pure functions of `keras.ops` that the layers are made of."""

from keras_attention.ops.extract_glimpses import extract_glimpses

__all__ = ["extract_glimpses"]
