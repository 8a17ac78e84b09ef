"""Residual network of `compare.py`, with attention, and what it costs."""

import ast
import inspect
import math
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import _support
import _verdict
import keras
from keras import layers

import keras_attention

NONE = _verdict.NONE
LARGEST_MAP = 16  # of the first stage: height and width, in positions
# Symbols in the formulas of cards: sizes that depend on arguments.
ATTRIBUTES = {
    "k": "kernel_size",
    "G": "groups",
    "U": "units",
}
CHOSEN_SIZES = {"d", "h", "k", "m", "q"}
MOST_UNITS = 10_000
ALL = "all"
# For few channels: the defaults of these arguments are for large networks.
FEW_CHANNELS = {"reduction": 4, "groups": 8}
# Kinds of attention of layers that are not inserted into blocks.
ELSEWHERE = {"grid", "glimpses", "saliency", "positions"}
# Layers with several inputs, of which a block has one.
SEVERAL_INPUTS = {"AttentionGate", "MultiScaleDeformableAttention"}


def parse(attention: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the arguments of an attention layer.

    >>> parse("se:reduction=8,gate_activation='tanh'")
    ('se', {'reduction': 8, 'gate_activation': 'tanh'})
    """
    name, _, text = attention.partition(":")
    call = ast.parse(f"f({text})", mode="eval").body
    names = [x.arg for x in getattr(call, "keywords", ())]
    if (
        not isinstance(call, ast.Call)
        or not isinstance(call.func, ast.Name)
        or call.args
        or len(set(names)) < len(names)
    ):
        raise ValueError(
            "Arguments must be given by their names, each once, as in "
            "sge:groups=8. "
            f"Received: {attention}"
        )
    arguments = {x.arg: ast.literal_eval(x.value) for x in call.keywords}
    return name, arguments


def insertable() -> list[str]:
    """Return all layers that `build` inserts, with arguments as for `parse`.

    >>> insertable()[:2]
    ['ChannelAttention:reduction=4', 'EffectiveSqueezeExcite']
    """
    found = []
    for name in keras_attention.list_attentions():
        cls = getattr(keras_attention, name)
        kinds = set(cls.card.kinds)
        if not kinds or kinds & ELSEWHERE or name in SEVERAL_INPUTS:
            continue
        defaults = {
            key: parameter.default
            for key, parameter in inspect.signature(cls).parameters.items()
        }
        # `GatherExcite` has no hidden units unless it is parametric.
        arguments = [
            f"{key}={value}"
            for key, value in FEW_CHANNELS.items()
            if defaults.get("parametric", True)
            and defaults.get(key, 0) not in (inspect.Parameter.empty, None)
            and defaults.get(key, 0) > value
        ]
        found.append(f"{name}:{','.join(arguments)}".rstrip(":"))
    return found


def make(attention: str, filters: int) -> keras.layers.Layer:
    """Return a layer, with `filters` if it requires them.

    >>> make("sk", 8).filters
    8
    """
    name, arguments = parse(attention)
    try:
        return keras_attention.get(name, **arguments)
    except ValueError as error:
        try:
            return keras_attention.get(name, filters=filters, **arguments)
        except ValueError:
            raise error from error.__cause__


def build(
    attention: str,
    shape: tuple[int, int, int],
    classes: int,
    width: int,
    blocks: int = 1,
) -> keras.Model:
    """Return the network with a layer in each residual block.

    A layer with filters is the second convolution of the block, and a fusion
    replaces the addition. All others are at the end of the residual branch.

    Args:
        attention: The layer, as `parse` accepts it, or `"none"`.
        shape: The shape of an image.
        classes: The number of classes.
        width: Number of filters of the first stage.
        blocks: Number of residual blocks of each of the three stages.
    """
    if attention == NONE:
        return _plain(shape, classes, width, blocks)

    def convolution(filters: int) -> keras.layers.Layer:
        return make(attention, filters)

    # The network first, so that its weights do not depend on the attention.
    model = _plain(shape, classes, width, blocks)
    layer = make(attention, width)
    if hasattr(layer, "filters"):
        return _plain(shape, classes, width, blocks, convolution)
    if set(layer.card.kinds) == {"fusion"}:
        return keras_attention.replace_add(
            model, lambda _: make(attention, width), identity=False
        )
    return keras_attention.attach(
        model,
        lambda _: make(attention, width),
        where=keras_attention.branch_ends(model),
        identity=False,
    )


def build_all(
    attentions: Sequence[str],
    shape: tuple[int, int, int],
    classes: int,
    width: int,
    blocks: int = 1,
) -> dict[str, keras.Model]:
    """Return the network with each layer; end the program on an error."""
    models = {}
    for attention in attentions:
        try:
            models[attention] = build(attention, shape, classes, width, blocks)
        except ValueError as error:
            _support.fail(
                f"{attention} cannot be inserted at the end of residual "
                f"branches with {width} to {4 * width} channels (--width). "
                "Arguments follow the name, as in sge:groups=8. "
                f"{error.__cause__ or error}"
            )
    return models


def _plain(
    shape: tuple[int, int, int],
    classes: int,
    width: int,
    blocks: int,
    convolution: Callable[[int], keras.layers.Layer] | None = None,
) -> keras.Model:
    """Return a residual network of three stages.

    Args:
        shape: The shape of an image.
        classes: The number of classes.
        width: Number of filters of the first stage.
        blocks: Number of residual blocks of each stage.
        convolution: What makes the second convolution of each block for a
            number of filters; `None` for an ordinary one.
    """
    inputs = keras.Input(shape, dtype="uint8")
    x = layers.Rescaling(1 / 255)(inputs)
    side = max(shape[:2])
    strides = 2 if side > LARGEST_MAP else 1
    x = layers.ReLU()(_convolve(x, width, strides))
    while (side := math.ceil(side / strides)) > LARGEST_MAP:
        x = layers.MaxPooling2D(2, padding="same")(x)
        strides = 2
    for filters, first in ((width, 1), (2 * width, 2), (4 * width, 2)):
        for strides in (first, *[1] * (blocks - 1)):
            y = layers.ReLU()(_convolve(x, filters, strides))
            y = _convolve(
                y, filters, layer=convolution and convolution(filters)
            )
            if strides > 1:
                x = _convolve(x, filters, strides, size=1)
            x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def _convolve(x, filters: int, strides: int = 1, size: int = 3, layer=None):
    """Return `x` after a convolution and batch normalization."""
    layer = layer or layers.Conv2D(
        filters, size, strides, padding="same", use_bias=False
    )
    return layers.BatchNormalization(momentum=0.9)(layer(x))


def multiply_adds(model: keras.Model) -> int | None:
    """Return the multiply-adds for one image, or `None` if they are unknown.

    Those of convolutions and dense layers, and those of the attention by the
    formulas of the cards, which the table of costs of the site has too.
    """
    total = 0
    for layer in model.layers:
        if hasattr(layer, "card"):
            count = _of_attention(layer)
            if count is None:
                return None
            total += count
        elif hasattr(layer, "kernel"):
            positions = math.prod(layer.output.shape[1:-1])
            total += positions * math.prod(layer.kernel.shape)
    return total


def _of_attention(layer: keras.layers.Layer) -> int | None:
    """Return the multiply-adds of a layer of the package by its formula.

    The formula may have a number of hidden units, which depends on arguments of
    the layer. It is the one that explains the layer's number of parameters.
    """
    card = layer.card
    # Both inputs of a fusion have one shape.
    height, width, channels = keras.tree.flatten(layer.input)[0].shape[1:]
    if isinstance(layer, keras_attention.SpatialTransformer):
        inner = multiply_adds(layer.localization)
        if inner is None:
            return None
        # The formula of the card, for any transform and size of the output.
        pixels = math.prod(layer.output.shape[1:-1])
        head = math.prod(layer.kernel.shape)
        return inner + head + pixels * (4 * channels + 6)
    sizes: dict[str, Any] = {"H": height, "W": width, "C": channels}
    sizes["F"] = getattr(layer, "filters", channels)
    for symbol in card.symbols:
        sizes[symbol] = getattr(layer, ATTRIBUTES.get(symbol, ""), None)
    unknown = [symbol for symbol, size in sizes.items() if size is None]
    if not CHOSEN_SIZES.issuperset(unknown):
        return None
    parameters = compile(card.parameters, card.call, "eval")
    count = sum(math.prod(x.shape) for x in layer.trainable_weights)
    for value in range(1, MOST_UNITS if unknown else 2):
        sizes.update(dict.fromkeys(unknown, value))
        explained = eval(parameters, {"max": max}, sizes)
        if explained == count:
            return int(eval(card.multiply_adds, {"max": max}, sizes))
        if explained > count:
            break
    return None
