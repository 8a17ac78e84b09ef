"""Derivatives, which `keras.ops` does not have."""

import keras

from keras_attention._backend import native


@native
def gradient(function, x):
    """Return the gradient of a scalar function at `x`."""
    raise NotImplementedError(
        "A gradient in the forward pass needs the Keras backend jax, "
        "tensorflow or torch. "
        f"Received: keras.config.backend()={keras.config.backend()!r}"
    )
