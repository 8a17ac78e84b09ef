"""Checks of the tensors that functions take."""

import keras


def float_dtype(name: str, tensor) -> str:
    """Return the float dtype of a tensor, `floatx` for integers and booleans.

    Other tensors, such as complex ones, raise an error under `name`.
    """
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if keras.backend.is_float_dtype(dtype):
        return dtype
    if dtype != "bool" and not keras.backend.is_int_dtype(dtype):
        raise ValueError(
            f"`{name}` must have a float, integer or boolean dtype. "
            f"Received: {name}.dtype={dtype}"
        )
    return keras.config.floatx()


def wide(*dtypes: str) -> str:
    """Return float64 if it is among dtypes, else float32."""
    return "float64" if "float64" in dtypes else "float32"


def batch_size(**tensors):
    """Return the batch size that tensors share, `None` if it is unknown."""
    # What traces a graph has sizes that are no `int`.
    known = [x.shape[0] for x in tensors.values() if type(x.shape[0]) is int]
    if known and known.count(known[0]) != len(known):
        *others, last = (f"`{name}`" for name in tensors)
        raise ValueError(
            f"{', '.join(others)} and {last} must have the same batch size. "
            "Received: "
            + ", ".join(
                f"{k}.shape={tuple(x.shape)}" for k, x in tensors.items()
            )
        )
    return known[0] if known else None
