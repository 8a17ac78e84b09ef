"""The arguments and the code that all builders of networks share."""

import functools
import inspect
import itertools
import os
import typing
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import Protocol

import keras

from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Activation
from keras_attention.checkpoints import load_reference_weights
from keras_attention.checkpoints._errors import MismatchError
from keras_attention.checkpoints._sources import read_source

_ARGUMENTS = """
        include_top: Whether the network ends in its classifier.
        weights: `None` for random weights, or the path of a file: a Keras file
            that ends in `.weights.h5` or `.keras`, or published weights, which
            are read by `keras_attention.load_reference_weights`. This package
            hosts no weights, so there is no `"imagenet"`.
        input_tensor: Symbolic tensor to use as the input of the network, such
            as a `keras.Input` or the output of another layer.
        input_shape: Shape of an image without the batch axis. The default is
            any height and width, with 3 channels.
        pooling: Global pooling of the last map when `include_top=False`:
            `None` for none, `"avg"` or `"max"`.
        classes: Number of classes.
        classifier_activation: Activation of the classifier; `None` for logits.
"""

_ATTENTION = """
        attention: The attention of the network: the name of a layer or a layer,
            as `keras_attention.get` accepts them, or `None` for none. Each
            insertion point gets a layer of its own."""

_RETURNS = """\
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        name: Name of the model.

    Returns:
        A functional `keras.Model`.

    Raises:
        ValueError: If an argument is not one of the values described above, or
            if `weights` do not match the network.
    """


class Architecture(Protocol):
    """A network without its input and its classifier."""

    @property
    def dropout(self) -> float:
        """Rate of dropout before the classifier."""

    def features(self, x: Any, data_format: str) -> Any:
        """Return the last map of the network for images `x`."""


class Builder(Protocol):
    """The type of a builder; `options` are arguments of its own."""

    __name__: str

    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike | None = None,
        input_tensor: Any = None,
        input_shape: tuple[int | None, ...] | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Activation = "softmax",
        *,
        data_format: str | None = None,
        name: str = ...,
        **options: Any,
    ) -> keras.Model:
        """Build a network."""


def network(make_architecture: Callable[..., Architecture]) -> Builder:
    """Decorate a function that returns an architecture as a network's builder.

    The builder has the arguments of the function and those that all builders
    have, in its signature and in its docstring.
    """
    default_name = make_architecture.__name__.lower()

    def build(
        include_top: bool = True,
        weights: str | os.PathLike | None = None,
        input_tensor: Any = None,
        input_shape: tuple[int | None, ...] | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Activation = "softmax",
        *,
        data_format: str | None = None,
        name: str = default_name,
        **options: Any,
    ) -> keras.Model:
        _check_weights(weights)
        architecture = make_architecture(**options)
        validation.boolean("include_top", include_top)
        validation.positive_integer("classes", classes)
        if pooling is not None:
            validation.one_of("pooling", pooling, ("avg", "max"))
        data_format = data_formats.resolve_data_format(data_format)
        images = _images(input_tensor, input_shape, data_format)
        x = architecture.features(images, data_format)
        if include_top or pooling:
            x = _pool(x, pooling or "avg", data_format)
        if include_top:
            if architecture.dropout:
                x = keras.layers.Dropout(architecture.dropout, name="dropout")(
                    x
                )
            x = keras.layers.Dense(
                classes, classifier_activation, name="predictions"
            )(x)
        inputs = (
            images
            if input_tensor is None
            else keras.utils.get_source_inputs(input_tensor)
        )
        model = keras.Model(inputs, x, name=name)
        if weights is not None:
            other = functools.partial(
                builder,
                include_top=False,
                input_shape=input_shape,
                data_format=data_format,
            )
            _load(model, weights, make_architecture, options, other)
        return model

    signature = inspect.signature(build)
    own = inspect.signature(make_architecture).parameters
    *common, data_format, name, _ = signature.parameters.values()
    builder: Any = functools.wraps(make_architecture)(build)
    builder.__signature__ = signature.replace(
        parameters=[*common, *own.values(), data_format, name],
        return_annotation=keras.Model,
    )
    builder.__annotations__ = {
        **builder.__annotations__,
        "return": keras.Model,
    }
    summary, _, options = (make_architecture.__doc__ or "").partition(
        "    Args:\n"
    )
    options = f"        {options.strip()}" if options else ""
    if "attention" in own:
        options += _ATTENTION if options else _ATTENTION.lstrip("\n")
    builder.__doc__ = (
        f"{summary.rstrip()}\n\n    Args:{_ARGUMENTS}"
        f"{options + chr(10) if options else ''}{_RETURNS}"
    )
    return builder


def _images(input_tensor: Any, input_shape: Any, data_format: str) -> Any:
    """Return the input of the network."""
    if input_tensor is not None:
        if not keras.utils.is_keras_tensor(input_tensor):
            raise ValueError(
                "`input_tensor` must be a symbolic tensor: a `keras.Input`, or "
                "the output of a layer for one. "
                f"Received: input_tensor={input_tensor!r}"
            )
        shape = tuple(input_tensor.shape[1:])
        if input_shape not in (None, shape):
            raise ValueError(
                f"`input_shape` must be that of `input_tensor`, {shape}, or "
                f"None. Received: input_shape={input_shape!r}"
            )
        _check_shape("input_tensor", shape, data_format)
        return input_tensor
    if input_shape is None:
        input_shape = data_formats.shape_from_channels_last(
            (None, None, None, 3), data_format
        )[1:]
    _check_shape("input_shape", input_shape, data_format)
    return keras.Input(input_shape, name="images")


def _check_shape(name: str, shape: Any, data_format: str) -> None:
    """Raise an error if a shape is not that of an image."""
    try:
        channels = data_formats.channel_count((None, *shape), data_format)
        valid = len(shape) == 3 and channels > 0
    except (TypeError, ValueError, IndexError):
        valid = False
    if not valid:
        raise ValueError(
            f"`{name}` must have a height, a width and a known number of "
            f"channels, in the order of {data_format!r}. "
            f"Received: {name}={shape!r}"
        )


def _pool(x: Any, pooling: str, data_format: str) -> Any:
    """Apply global pooling."""
    pool = {
        "avg": keras.layers.GlobalAveragePooling2D,
        "max": keras.layers.GlobalMaxPooling2D,
    }[pooling]
    return pool(data_format=data_format, name=f"{pooling}_pool")(x)


def _check_weights(weights: Any) -> None:
    """Raise an error unless `weights` is `None` or a path."""
    if weights == "imagenet":
        raise ValueError(
            "`weights` must be None or the path of a file: this package hosts "
            "no weights. Download a file of published weights, and pass its "
            "path, such as 'seresnet50.safetensors'. Received: "
            "weights='imagenet'"
        )
    if weights is not None and not isinstance(weights, str | os.PathLike):
        raise ValueError(
            "`weights` must be None or the path of a file. "
            f"Received: weights={weights!r}"
        )


def _load(
    model: keras.Model,
    weights: str | os.PathLike,
    make_architecture: Callable[..., Architecture],
    options: dict[str, Any],
    other: Callable[..., keras.Model],
) -> None:
    """Load the weights of a network from a file.

    Args:
        model: The network.
        weights: The path of the file.
        make_architecture: The function that made the architecture.
        options: Its arguments.
        other: A function that builds a network with other options, and without
            a classifier.

    Raises:
        ValueError: If the weights do not match the network. If they match a
            network with other options, the error names these.
    """
    if os.fspath(weights).endswith((".weights.h5", ".keras")):
        model.load_weights(weights)
        return
    try:
        load_reference_weights(model, weights)
    except MismatchError as error:
        arrays = read_source(weights)
        for changed in _other_options(make_architecture, options):
            if _fits(other(**{**options, **changed}), arrays):
                raise _other_options_error(
                    make_architecture, weights, options, changed
                ) from error
        raise


def _other_options(
    make_architecture: Callable[..., Architecture], options: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield options of a builder that differ from those given.

    Those that have few values: variants, and options that are true or false.
    The options that change the fewest come first.
    """
    parameters = inspect.signature(make_architecture).parameters.values()
    given = {it.name: options.get(it.name, it.default) for it in parameters}
    values = {
        it.name: typing.get_args(it.annotation)
        if typing.get_origin(it.annotation) is typing.Literal
        else (True, False)
        for it in parameters
        if it.annotation is bool
        or typing.get_origin(it.annotation) is typing.Literal
    }
    changes = [
        {
            name: value
            for name, value in zip(values, chosen, strict=True)
            if value != given[name]
        }
        for chosen in itertools.product(*values.values())
    ]
    yield from sorted(filter(None, changes), key=len)


def _fits(model: keras.Model, arrays: dict[str, Any]) -> bool:
    """Load arrays into a model, and return whether they fit."""
    try:
        load_reference_weights(model, arrays)
    except ValueError:
        return False
    return True


def _other_options_error(
    make_architecture: Callable[..., Architecture],
    weights: Any,
    options: dict[str, Any],
    changed: dict[str, Any],
) -> ValueError:
    """Return the error for weights that fit a builder with other options."""
    parameters = inspect.signature(make_architecture).parameters
    given = {
        name: options.get(name, parameters[name].default) for name in changed
    }
    name = make_architecture.__name__
    return ValueError(
        "`weights` must be those of the network. This file has those of "
        f"`{name}({_arguments({**options, **changed})})`. Nothing was loaded. "
        f"Received: weights={os.fspath(weights)!r}, {_arguments(given)}"
    )


def _arguments(options: dict[str, Any]) -> str:
    """Return options as the arguments of a call."""
    return ", ".join(f"{name}={value!r}" for name, value in options.items())
