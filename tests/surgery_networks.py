"""Small networks to put attention into, and how to look at what came of it."""

import keras
import numpy as np
from keras import layers

from autodiff import BACKEND
from contract.case import convolution
from contract.case import to_numpy


def residual(data_format="channels_last", dtype=None, activation="relu"):
    """Return two residual blocks, the second with a projection and a stride."""
    shape = (8, 8, 3) if data_format == "channels_last" else (3, 8, 8)
    axis = -1 if data_format == "channels_last" else 1
    common = {"data_format": data_format, "dtype": dtype}

    def conv(x, filters, name, size=3, strides=1):
        x = convolution(
            filters, size, strides, padding="same", name=name, **common
        )(x)
        return layers.BatchNormalization(
            axis, name=f"{name}_norm", dtype=dtype
        )(x)

    inputs = keras.Input(shape, name="images")
    x = layers.Activation(activation, name="stem_relu", dtype=dtype)(
        conv(inputs, 4, "stem")
    )
    y = conv(x, 4, "first")
    x = layers.Add(name="first_add", dtype=dtype)([x, y])
    x = layers.Activation(activation, name="first_out", dtype=dtype)(x)
    shortcut = conv(x, 6, "projection", 1, 2)
    y = layers.Activation(activation, name="second_relu", dtype=dtype)(
        conv(x, 6, "second_1", 3, 2)
    )
    y = conv(y, 6, "second_2")
    x = layers.Add(name="second_add", dtype=dtype)([shortcut, y])
    x = layers.Activation(activation, name="second_out", dtype=dtype)(x)
    x = layers.GlobalAveragePooling2D(name="pool", **common)(x)
    x = layers.Dense(3, name="head", dtype=dtype)(x)
    return scattered(keras.Model(inputs, x, name="residual"))


def chain():
    """Return a Sequential model of two convolutions."""
    return scattered(
        keras.Sequential(
            [
                keras.Input((6, 6, 3)),
                layers.Conv2D(4, 3, padding="same", name="one"),
                layers.Conv2D(4, 3, padding="same", name="two"),
            ],
            name="chain",
        )
    )


def scattered(model):
    """Return a model at weights that are nothing special."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        value = rng.normal(size=weight.shape)
        positive = weight.path.endswith("moving_variance")
        weight.assign(0.5 + value**2 if positive else 0.3 * value)
    return model


def images(model, count=2):
    """Return a batch for each input of a model, in its structure."""
    rng = np.random.default_rng(0)
    return keras.tree.map_structure(
        lambda x: rng.normal(
            size=(count, *(8 if size is None else size for size in x.shape[1:]))
        ).astype("float32"),
        model.inputs[0] if isinstance(model, keras.Sequential) else model.input,
    )


def leaves(model, path=""):
    """Return the layers of a model and the models in it, by path."""
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found.update(leaves(layer, f"{path}{layer.name}/"))
        else:
            found[f"{path}{layer.name}"] = layer
    return found


def names(model):
    return [layer.name for layer in model.layers]


def inserted(new, old):
    """Return the names of the layers that the old model has not, in order."""
    before = {layer.name for layer in old._flatten_layers()}
    return [layer.name for layer in new.layers if layer.name not in before]


def moved_by_two_steps(model, parts):
    """Return which weights of layers two steps of training have moved.

    As two sets of paths: those moved by the first step, and by either.
    """
    weights = [w for part in parts for w in part.trainable_weights]
    before = [to_numpy(w).copy() for w in weights]
    # Which moves all that has a gradient, however small.
    optimizer = keras.optimizers.Adam(0.1, epsilon=1e-12)
    model.compile(optimizer, loss="mse", jit_compile=BACKEND == "jax")
    x = images(model)
    y = keras.tree.map_structure(
        lambda t: np.random.default_rng(3).normal(
            size=[2, *(8 if size is None else size for size in t.shape[1:])]
        ),
        model.output,
    )
    moved = []
    for _ in range(2):
        model.train_on_batch(x, y)
        moved.append(
            {
                w.path
                for w, old in zip(weights, before, strict=True)
                if np.any(to_numpy(w) != old)
            }
        )
    assert all(np.isfinite(to_numpy(w)).all() for w in weights)
    return moved[0], moved[1]
