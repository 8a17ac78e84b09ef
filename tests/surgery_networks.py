"""Small networks for the tests of `attach` and `replace_add`, and helpers."""

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
    return randomized(keras.Model(inputs, x, name="residual"))


def chain():
    """Return a Sequential model of two convolutions."""
    return randomized(
        keras.Sequential(
            [
                keras.Input((6, 6, 3)),
                layers.Conv2D(4, 3, padding="same", name="one"),
                layers.Conv2D(4, 3, padding="same", name="two"),
            ],
            name="chain",
        )
    )


def randomized(model):
    """Return a model after setting its weights to random values."""
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
    """Return the layers of a model and of its nested models, by path."""
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
    """Return the names of the layers that only the new model has, in order."""
    before = {layer.name for layer in old._flatten_layers()}
    return [layer.name for layer in new.layers if layer.name not in before]


def changed_by_two_steps(model, changing):
    """Return which weights of layers two steps of training change.

    The result is two sets of paths: weights that differ from the start after
    the first step, and after the second.
    """
    weights = [w for layer in changing for w in layer.trainable_weights]
    before = [to_numpy(w).copy() for w in weights]
    # With this epsilon, Adam changes every weight that has a gradient.
    optimizer = keras.optimizers.Adam(0.1, epsilon=1e-12)
    model.compile(optimizer, loss="mse", jit_compile=BACKEND == "jax")
    x = images(model)
    y = keras.tree.map_structure(
        lambda t: np.random.default_rng(3).normal(
            size=[2, *(8 if size is None else size for size in t.shape[1:])]
        ),
        model.output,
    )
    changed = []
    for _ in range(2):
        model.train_on_batch(x, y)
        changed.append(
            {
                w.path
                for w, old in zip(weights, before, strict=True)
                if np.any(to_numpy(w) != old)
            }
        )
    assert all(np.isfinite(to_numpy(w)).all() for w in weights)
    return changed[0], changed[1]
