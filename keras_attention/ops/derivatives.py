"""Derivatives, which `keras.ops` has none of."""

import keras

from keras_attention._backend import native


@native
def gradient(function, x):
    """Gradient at `x` of a function to a number."""
    raise NotImplementedError(
        "A gradient in the forward pass needs the Keras backend jax, "
        "tensorflow or torch. "
        f"Received: keras.config.backend()={keras.config.backend()!r}"
    )
