"""Small network of `every_layer.py`, and the insertion of a layer into it."""

import inspect
from typing import Any

import keras
import numpy as np
from keras import layers

import keras_attention

STAGES = {"stage1": 16, "stage2": 32}  # and their channels
# Kinds of attention without positions. Their layers are inserted into the last
# stage, whose channels depend most on the class, and others into the first,
# whose maps have most positions.
WITHOUT_POSITIONS = {"channel", "branches"}
# Arguments for few channels, of layers that have them: defaults are for large
# networks.
SIZES = {"reduction": 2, "groups": 4}
# Other arguments of single layers.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "AttentionGate": {"grid": True},  # The gating map is smaller.
    "MultiScaleDeformableAttention": {"num_heads": 4, "dropout": 0.0},
    "BAM": {"combine": "add"},  # A product of two small values learns slowly.
    "ResidualAttention": {"depth": 2, "trunk": 1},
}


def build(canvas: int) -> keras.Model:
    """Return a residual network of two stages for digits.

    Args:
        canvas: Height and width of the images.
    """
    x = inputs = keras.Input((canvas, canvas, 1))
    for stage, filters in STAGES.items():
        x = layers.ReLU()(_convolve(x, filters, f"{stage}_conv0", strides=2))
        y = layers.ReLU()(_convolve(x, filters, f"{stage}_conv1"))
        y = _convolve(y, filters, f"{stage}_conv2")
        x = layers.ReLU(name=stage)(layers.Add(name=f"{stage}_add")([y, x]))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def _convolve(x, filters: int, name: str, strides: int = 1):
    """Return `x` after a convolution and batch normalization."""
    conv = layers.Conv2D(
        filters, 3, strides, padding="same", use_bias=False, name=name
    )
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(conv(x))


def has_positions(cls: Any) -> bool:
    """Return whether the attention of a layer depends on positions."""
    return not WITHOUT_POSITIONS.issuperset(cls.card.kinds)


def insert(model: keras.Model, name: str, cls: Any) -> keras.Model:
    """Return a copy of the network with an attention layer.

    Fusions replace an addition, attention gates a skip connection, deformable
    attention reads both stages, and all others follow a stage.

    Args:
        model: Network of `build`.
        name: Name of the layer, as `keras_attention.get` accepts it.
        cls: Class of the layer.
    """
    stage = "stage1" if has_positions(cls) else "stage2"
    sizes = {
        "filters": STAGES[stage],
        **SIZES,
        **ARGUMENTS.get(cls.__name__, {}),
    }
    accepted = inspect.signature(cls).parameters

    def make(_=None):
        return keras_attention.get(
            name, **{k: v for k, v in sizes.items() if k in accepted}
        )

    if cls.__name__ == "AttentionGate":
        return _with_gated_skip(model, make())
    if cls.__name__ == "MultiScaleDeformableAttention":
        return _with_queries(model, make())
    if set(cls.card.kinds) == {"fusion"}:
        return keras_attention.replace_add(
            model, make, where=f"{stage}_add", identity=False
        )
    # With `identity=True`, the layer would have little influence after so few
    # epochs: its scale starts at zero.
    return keras_attention.attach(model, make, where=stage, identity=False)


def _with_gated_skip(model: keras.Model, gate: Any) -> keras.Model:
    """Return a copy whose classifier also gets the gated first stage."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    skip, x = (copy.get_layer(stage).output for stage in STAGES)
    pool = layers.GlobalAveragePooling2D
    x = layers.Concatenate()([pool()(gate(skip, x)), pool()(x)])
    x = layers.Dropout(0.3)(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(copy.input, outputs)


def _with_queries(model: keras.Model, attention: Any) -> keras.Model:
    """Return a copy whose positions of the last stage read both stages."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    fine, coarse = (copy.get_layer(stage).output for stage in STAGES)
    _, height, width, channels = coarse.shape
    query = layers.Reshape((height * width, channels))(coarse)
    # A reference point at each position, on either level.
    y, x = np.meshgrid(
        (np.arange(height) + 0.5) / height,
        (np.arange(width) + 0.5) / width,
        indexing="ij",
    )
    points = np.stack([x, y], axis=-1).reshape(1, -1, 1, 2)
    points = keras.ops.convert_to_tensor(points.astype("float32"))
    points = keras.ops.zeros_like(query)[:, :, :2, None] + points
    fine = layers.Conv2D(channels, 1)(fine)
    x = attention(query, [fine, coarse], points)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(x))
    outputs = layers.Dense(10, activation="softmax")(x)
    return keras.Model(copy.input, outputs)
