"""Checks of the tensor arguments of functions."""

import keras

_USUAL = frozenset(("float16", "bfloat16", "float32", "float64"))


def float_dtype(name: str, tensor) -> str:
    """Return the float dtype of a tensor, `floatx` for integers and booleans.

    Other dtypes, such as complex ones, raise an error that names `name`.
    """
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if dtype in _USUAL or keras.backend.is_float_dtype(dtype):
        return dtype
    if dtype != "bool" and not keras.backend.is_int_dtype(dtype):
        raise ValueError(
            f"`{name}` must have a float, integer or boolean dtype. "
            f"Received: {name}.dtype={dtype}"
        )
    return keras.config.floatx()


def sampling_dtype(*dtypes: str) -> str:
    """Return float64 if it is among `dtypes`, else float32."""
    return "float64" if "float64" in dtypes else "float32"


def batch_size(**tensors):
    """Return the batch size that tensors share, `None` if it is unknown."""
    size = None
    for tensor in tensors.values():
        known = tensor.shape[0]
        # While a graph is traced, sizes may be symbolic.
        if type(known) is int:
            if size is not None and known != size:
                raise ValueError(_batch_sizes_differ(tensors))
            size = known
    return size


def _batch_sizes_differ(tensors):
    *others, last = (f"`{name}`" for name in tensors)
    shapes = (f"{name}.shape={tuple(x.shape)}" for name, x in tensors.items())
    return (
        f"{', '.join(others)} and {last} must have the same batch size. "
        f"Received: {', '.join(shapes)}"
    )
