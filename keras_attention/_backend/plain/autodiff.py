"""Derivatives, which `keras.ops` has none of."""

import keras


def gradient(function, x):
    """Say that there is no gradient of a function where nothing derives it."""
    raise NotImplementedError(
        "A gradient in the forward pass needs the Keras backend jax, "
        "tensorflow or torch. "
        f"Received: keras.config.backend()={keras.config.backend()!r}"
    )
