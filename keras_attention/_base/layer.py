"""Base class of all layers."""

import functools
import inspect
import re
from typing import Any

import keras
from keras import ops

from keras_attention._utils import data_formats
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention.ops import precision

PACKAGE = f"{__package__.partition('.')[0]}."


class MapLayer(keras.layers.Layer):
    """Base of all layers: data format, inputs of integers, dtype policies.

    Keras casts floating-point inputs to the compute dtype, and leaves integers
    and booleans as they are. This class casts those, too, and so does `call`
    of each layer, which `keras.layers.TimeDistributed` calls directly.
    """

    # The class of this package that a layer is of, whatever subclass of it a
    # user writes; `None` for parts of layers.
    _public_class: Any = None
    input_spec: Any
    # The arguments of `call` that are lists of tensors, and their positions.
    _lists: tuple[str, ...] = ()
    _list_positions: tuple[int, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "card" in vars(cls) and cls.__module__.startswith(PACKAGE):
            cls._public_class = cls
        if cls._lists or cls._list_positions:
            _, *names = inspect.signature(cls.call).parameters
            cls._list_positions = tuple(
                i for i, name in enumerate(names) if name in cls._lists
            )

    def __init__(self, *, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = data_formats.resolve_data_format(data_format)
        # `__call__` converts them, in less time than Keras, which takes longer
        # than the products of a gate do on eager PyTorch.
        self._convert_input_args = False

    def __setattr__(self, name, value):
        # Keras sets these at each call, and would look for variables in them.
        if name in ("_called", "built") and self.__dict__.get(name) is value:
            return
        super().__setattr__(name, value)

    def __call__(self, *args, **kwargs):
        args, kwargs = self._converted_inputs(args, kwargs, self._converted)
        return super().__call__(*args, **kwargs)

    def stateless_call(
        self, trainable_variables, non_trainable_variables, *args, **kwargs
    ):
        # Keras does not call `__call__` here, which casts the inputs.
        args, kwargs = self._converted_inputs(args, kwargs, self._as_float)
        return super().stateless_call(
            trainable_variables, non_trainable_variables, *args, **kwargs
        )

    def _converted_inputs(self, args, kwargs, convert):
        """Apply `convert` to each of the arguments, also to those in lists."""
        args = [
            self._converted_list(x, convert)
            if i in self._list_positions
            else convert(x)
            for i, x in enumerate(args)
        ]
        if kwargs:
            kwargs = {
                name: self._converted_list(x, convert)
                if name in self._lists
                else convert(x)
                for name, x in kwargs.items()
            }
        return args, kwargs

    def _converted_list(self, tensors, convert):
        """Return a list of arrays, each of which `convert` converts."""
        is_list = isinstance(tensors, list | tuple) and len(tensors)
        if not is_list or any(x is None for x in tensors):
            (name,) = self._lists
            raise ValueError(
                f"`{name}` must be a list of tensors, at least one. "
                f"Received: {name}={validation.described(tensors)}"
            )
        return [convert(x) for x in tensors]

    def _converted(self, x):
        """Return an array as a tensor of the dtype that `call` expects."""
        x = self._as_float(x)
        dtype = getattr(x, "dtype", None)
        if dtype is None and not hasattr(x, "__array__"):
            return x
        if isinstance(x, keras.KerasTensor):
            return x
        if precision.dtype_name(dtype) == self.input_dtype and ops.is_tensor(x):
            return x
        mask = getattr(x, "_keras_mask", None)
        x = self.dtype_policy.convert_input(x, self.autocast, self.input_dtype)
        if mask is not None:
            x._keras_mask = mask
        return x

    def _as_float(self, x):
        """Return an array of integers or booleans in the compute dtype."""
        dtype = getattr(x, "dtype", None)
        if dtype is None:
            if isinstance(x, list | tuple | dict):
                raise ValueError(
                    "Each input must be one tensor, not a list, tuple or "
                    f"dictionary. Received: inputs={validation.described(x)}"
                )
            return x
        # A scalar is not a map: `training` may be a boolean tensor.
        if not _is_integer(dtype) or not len(x.shape):
            return x
        # The dtype of a symbolic output does not depend on the inputs.
        if isinstance(x, keras.KerasTensor):
            return x
        return ops.cast(x, self.compute_dtype)

    def get_config(self):
        """Return the arguments of the constructor of the public class.

        A class of a user extends the result, as it does with Keras' layers.
        """
        config = super().get_config()
        if self._public_class is not None:
            config |= {
                name: _serialized(name, getattr(self, name))
                for name in _argument_names(self._public_class)
            }
        if self.supports_masking:  # as of what `attach` inserts
            config["supports_masking"] = True
        if quantized := self._quantized_sublayers():
            # Sublayers are made with this layer's policy: map theirs to them.
            policy = self.dtype_policy
            config["dtype"] = keras.dtype_policies.DTypePolicyMap(
                getattr(policy, "default_policy", policy), quantized
            )
        return config

    @classmethod
    def from_config(cls, config, *args, **kwargs):
        config = dict(config)
        supports_masking = config.pop("supports_masking", False)
        layer = super().from_config(config, *args, **kwargs)
        if supports_masking:
            layer.supports_masking = True
        return layer

    def _quantized_sublayers(self) -> dict[str, keras.DTypePolicy]:
        """Return the policies of quantized sublayers by pattern of path."""
        # A path starts at the outermost model, and that may be another one by
        # the time the layer is loaded: what counts is how it ends, and early
        # versions of Keras look no further than a pattern goes.
        return {
            f"(.*/)?{re.escape(self.name + path.removeprefix(self.path))}$": own
            for path, own in (
                (sublayer.path, sublayer.dtype_policy)
                for sublayer in self._flatten_layers(include_self=False)
            )
            if own.quantization_mode
        }

    def _policy_of(self, name: str) -> keras.DTypePolicy:
        """Return the dtype policy for the Keras layer `name` inside this one.

        It is this layer's own, unless a map (that of a quantized layer that is
        being loaded) has another for the path. Keras' layers do not resolve a
        map everywhere themselves.
        """
        policy = self.dtype_policy
        if isinstance(policy, keras.dtype_policies.DTypePolicyMap):
            return policy[f"{self.path}/{name}"]
        return policy

    def _precise_vector(
        self, name: str, size: int, initializer: Initializer
    ) -> Any:
        """Return a new weight that half precision does not cast.

        It is combined with float32 statistics, and would lose accuracy.
        """
        return self.add_weight((size,), initializer, name=name, autocast=False)

    def _channels(self, input_shape) -> int:
        """Return the number of channels, and fix it in `input_spec`."""
        rank = len(input_shape)
        validation.rank("input_shape", input_shape, self.input_spec)
        channels = data_formats.channel_count(input_shape, self.data_format)
        axis = data_formats.channel_axis(self.data_format, rank)
        self.input_spec = keras.layers.InputSpec(
            ndim=rank, axes={axis: channels}
        )
        return channels


@functools.cache
def _argument_names(cls: type) -> tuple[str, ...]:
    """Return the names of the arguments of a constructor."""
    _, *parameters = inspect.signature(
        vars(cls)["__init__"]
    ).parameters.values()
    return tuple(p.name for p in parameters if p.kind is not p.VAR_KEYWORD)


def _serialized(name: str, value: Any) -> Any:
    """Return an argument as Keras serializes it."""
    if not callable(value):
        return value
    if name.endswith("activation"):
        return keras.activations.serialize(value)
    return keras.saving.serialize_keras_object(value)  # an object, or a layer


def _is_integer(dtype) -> bool:
    """Return whether a dtype of a backend or NumPy is integer or boolean."""
    return precision.dtype_name(dtype).startswith(("int", "uint", "bool"))


def name_each(layer: keras.layers.Layer, *names: str) -> None:
    """Make each layer in the lists `names` an attribute of `layer` as well.

    On TensorFlow `tf.train.Checkpoint` does not look into lists of Keras
    layers. Keras' own files have the list, whose name comes first.
    """
    for name in names:
        for number, sublayer in enumerate(getattr(layer, name)):
            setattr(layer, f"{name}_{number}", sublayer)
