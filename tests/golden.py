"""Golden files: the results of published implementations.

A file holds inputs, weights under `w/` in the reference's own names and layout,
and for each mode (`eval`, `train`) the outputs and the gradients of
`sum(outputs * cotangent)`; `train/after/` holds the statistics after the step.
Activations are channels-last. `meta` names the reference and its settings, and
may have the number of values of which each normalization takes its statistics.
"""

import dataclasses
import json
import pathlib
from collections.abc import Callable

import numpy as np

from autodiff import forward
from autodiff import role
from autodiff import vjp
from contract.case import assert_close
from contract.case import to_last
from contract.case import to_layout

FOLDER = pathlib.Path(__file__).parent / "goldens"


def load(name):
    """Return the arrays of one file by name."""
    with np.load(FOLDER / f"{name}.npz") as file:
        return {key: file[key] for key in file.files if key != "meta"}


def samples_of_statistics(name):
    """Return the number of values of each normalization, by its name."""
    with np.load(FOLDER / f"{name}.npz") as file:
        return json.loads(str(file["meta"])).get("samples", {})


def under(arrays, prefix):
    """Return the arrays below a prefix, named without it."""
    return {
        key.removeprefix(prefix): array
        for key, array in arrays.items()
        if key.startswith(prefix)
    }


def set_weights(layer, weights):
    """Set weights from arrays by role, all of them."""
    layer.set_weights([weights[role(weight)] for weight in layer.weights])


def linear(array):
    """Turn a PyTorch linear weight (outputs, inputs) into a Dense kernel."""
    return array.T


def pointwise(array):
    """Turn a PyTorch 1x1 convolution weight (OI11) into a Dense kernel."""
    return array[:, :, 0, 0].T


def conv(array):
    """Turn a PyTorch convolution weight (OIHW) into a Conv2D kernel."""
    return array.transpose(2, 3, 1, 0)


def vector(array):
    """Drop the axes of size 1 of a vector of channels."""
    return array.reshape(-1)


@dataclasses.dataclass(frozen=True)
class Golden:
    """A golden file, the layer that must reproduce it, and the map of weights.

    `weights` gives, by name in the reference, the role in the layer and a
    conversion. Arrays of one role are joined along the last axis, in order;
    `UNUSED` marks arrays that the reference does not use. `squeezed` are the
    parts of the layer (prefixes of roles) that get one vector per sample,
    `twice` those that run twice, and `idle` (suffixes of roles) biases that
    batch normalization follows.
    `rounding` is the tolerance for the gradients of weights, larger than the
    default where a gradient is a sum of large numbers that cancel.
    """

    file: str
    layer: Callable
    weights: dict
    momentum: float = 0.9
    squeezed: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()
    rounding: float = 1e-5


UNUSED = None


def as_is(array):
    return array


def batch_norm(name, path):
    return {
        f"{name}.weight": (f"{path}/gamma", as_is),
        f"{name}.bias": (f"{path}/beta", as_is),
        f"{name}.running_mean": (f"{path}/moving_mean", as_is),
        f"{name}.running_var": (f"{path}/moving_variance", as_is),
    }


def in_roles(arrays, table):
    """Return arrays of the reference by role in the layer."""
    assert arrays.keys() <= table.keys()
    parts = {}
    for name, entry in table.items():
        if name in arrays and entry is not UNUSED:
            role, convert = entry
            parts.setdefault(role, []).append(convert(arrays[name]))
    return {role: np.concatenate(p, axis=-1) for role, p in parts.items()}


def in_order(arrays, name, data_format):
    """Return the arrays of a name, or of that name and 0, 1, ..., in layout."""
    names = sorted(key for key in arrays if key.rstrip("01") == name)
    return [to_layout(arrays[key], data_format) for key in names]


def load_into_layer(case, arrays, data_format):
    layer = case.layer(data_format=data_format)
    layer.build(*(x.shape for x in in_order(arrays, "x", data_format)))
    set_weights(layer, in_roles(under(arrays, "w/"), case.weights))
    return layer


def run(case, arrays, mode, data_format, **compiled):
    """Return the layer after a run, and its results as of `vjp`."""
    layer = load_into_layer(case, arrays, data_format)
    inputs = in_order(arrays, "x", data_format)
    cotangent = to_layout(arrays[f"{mode}/cotangent"], data_format)
    training = mode == "train"
    return layer, vjp(layer, inputs, cotangent, training=training, **compiled)


def check_results(case, data_format, compiled):
    """Compare outputs and gradients of a layer with a golden file."""
    arrays = load(case.file)
    modes = sorted(
        {key.partition("/")[0] for key in arrays} & {"eval", "train"}
    )
    for mode in modes:
        stored = under(arrays, f"{mode}/")
        expected = in_roles(under(stored, "dw/"), case.weights)
        _, (outputs, gradients, weight_gradients) = run(
            case, arrays, mode, data_format, compiled=compiled
        )
        assert_close(to_last(outputs, data_format), stored["y"])
        if attention := under(stored, "attention"):
            check_attention(case, arrays, attention, data_format)
        last = [to_last(gradient, data_format) for gradient in gradients]
        assert_close(last, in_order(stored, "dx", "channels_last"))
        assert weight_gradients.keys() == expected.keys()
        most = max((np.abs(g).max() for g in expected.values()), default=0)
        for name, expected_gradient in expected.items():
            if mode == "train" and name.endswith(case.idle):
                # Normalization cancels this gradient; only rounding errors are
                # left.
                assert np.abs(weight_gradients[name]).max() <= 1e-4 * most
            elif np.abs(expected_gradient).max() <= 1e-6 * most:
                # Rounding errors too, as of a bias before a softmax.
                assert np.abs(weight_gradients[name]).max() <= 1e-5 * most
            elif mode == "train" and case.squeezed:
                # A norm of two vectors magnifies float32's rounding: the
                # reference itself is then off by up to 7.5e-4.
                squeezed = name.startswith(case.squeezed)
                tolerance = 2e-3 if squeezed else 1e-4
                assert_close(
                    weight_gradients[name], expected_gradient, tolerance
                )
            else:
                assert_close(
                    weight_gradients[name], expected_gradient, case.rounding
                )


def check_attention(case, arrays, expected, data_format):
    """Compare the attention of a layer with a golden file, by its key."""
    layer = load_into_layer(case, arrays, data_format)
    inputs = in_order(arrays, "x", data_format)
    _, attention = forward(layer, *inputs, return_attention=True)
    if isinstance(attention, dict):
        attention = {f"/{key}": array for key, array in attention.items()}
    else:
        attention = {"": attention}
    assert attention.keys() == expected.keys()
    for key, array in expected.items():
        is_map = array.ndim == inputs[0].ndim
        own = data_format if is_map else "channels_last"
        assert_close(to_last(attention[key], own), array)


def check_statistics(case, data_format):
    """Compare the statistics of a layer with a golden file."""
    arrays = load(case.file)
    after = in_roles(under(arrays, "train/after/"), case.weights)
    layer = load_into_layer(case, arrays, data_format)
    before = {role(w): np.array(w) for w in layer.non_trainable_weights}
    assert before.keys() == after.keys()
    counts = {
        case.weights[f"{name}.running_var"][0]: count
        for name, count in samples_of_statistics(case.file).items()
    }
    if after:
        layer, _ = run(case, arrays, "train", data_format)
        batch, height, width, _ = arrays["train/y"].shape
        for weight in layer.non_trainable_weights:
            expected = after[role(weight)]
            if role(weight).endswith("moving_variance"):
                # PyTorch stores the unbiased variance, Keras the biased one.
                squeezed = role(weight).startswith(case.squeezed)
                samples = batch if squeezed else batch * height * width
                samples = counts.get(role(weight), samples)
                updates = 2 if role(weight).startswith(case.twice) else 1
                kept = before[role(weight)] * case.momentum**updates
                expected = kept + (expected - kept) * (samples - 1) / samples
            assert_close(weight, expected)
