"""Every native form equals its definition, for all arguments of callers.

The arguments are generated. `FORMS` has a function for each name. Its arguments
are `pick`, which selects one of several values, and a random number generator.
It returns arrays to differentiate with respect to, and a function that calls a
form with these arrays.
"""

import functools
import inspect

import keras
import numpy as np
import pytest
from keras import ops

from autodiff import BACKEND
from autodiff import THOROUGH
from autodiff import Calls
from autodiff import vjp
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention._utils import data_formats
from keras_attention.ops import reshaping
from native_forms import FUNCTIONS
from native_forms import NAMES
from native_forms import definition
from parity.generated import off_kinks
from parity.generated import picker

# JAX compiles both forms of each case, forward and backward.
CASES = 6 if THOROUGH else {"tensorflow": 3}.get(BACKEND, 2)
# These have the most arguments.
MANY = ("conv2d", "channels_per_block", "interpolate")
FORMS = {}


def form(generate):
    FORMS[generate.__name__] = generate
    return generate


def test_every_native_form_has_a_definition_and_a_comparison():
    assert NAMES
    assert set(NAMES) <= set(FUNCTIONS), "define it in keras_attention/ops"
    assert set(NAMES) <= set(FORMS), "generate its arguments here"
    for name in NAMES:
        assert isinstance(FUNCTIONS[name], functools.partial), (
            f"decorate the definition of {name} with `native`"
        )


@pytest.mark.parametrize(
    ("name", "index"),
    [
        (name, index)
        for name in NAMES
        for index in range(CASES * (2 if name in MANY else 1))
    ],
)
def test_native_form_equals_definition(name, index):
    rng = np.random.default_rng([index, len(name)])
    arrays, call = FORMS[name](picker(name, index), rng)
    arrays = [np.asarray(array, "float32") for array in arrays]
    expected, found = (
        outcome(function, call, arrays)
        for function in (definition(name), FUNCTIONS[name])
    )
    assert str(found[0].dtype) == str(expected[0].dtype)
    assert_close(found, expected, 2e-5)


def outcome(function, call, arrays):
    """Return the values and the gradients of a form."""
    if function is definition("gradient"):
        # The definition raises an error: the form is compared with the
        # derivative.
        function = derivative
    values = call(function, *map(ops.convert_to_tensor, arrays))
    cotangent = np.random.default_rng(0).normal(size=values.shape)
    outputs, gradients, _ = vjp(
        Calls(lambda *inputs: call(function, *inputs)),
        arrays,
        cotangent.astype("float32"),
        # TensorFlow has different forms in compiled functions.
        compiled=BACKEND != "torch" and _compiles(function),
    )
    return [to_numpy(outputs), *gradients]


def _compiles(function):
    return function is not derivative


def derivative(function, x):
    """Return the gradient of the function in `gradient` below."""
    return 3 * ops.square(x)


def a_map(pick, rng, channels=None, data_format="channels_last"):
    """Return a map of rank 4."""
    size = (pick(1, 2, 3), pick(4, 5, 6, 7), pick(4, 5, 6, 7))
    shape = (*size, channels or pick(1, 2, 3, 6))
    return rng.normal(
        size=data_formats.shape_from_channels_last(shape, data_format)
    )


def formats(pick):
    return pick("channels_last", "channels_first")


@form
def dense(pick, rng):
    between = pick((), (2,))
    arrays = [rng.normal(size=(3, *between, 4)), rng.normal(size=(4, 5))]
    if pick(True, False):
        arrays.append(rng.normal(size=5))
    return arrays, lambda form, *x: form(*x)


def of_norm(pick, rng):
    axis = pick(-1, 1)
    rank = pick(2, 3, 4)
    # With two vectors the variance may be as small as rounding errors.
    shape = [pick(1, 2, 5) if rank > 2 else pick(4, 5), *[4, 3, 5][: rank - 1]]
    shape[axis] = channels = pick(1, 3)
    x = rng.normal(2, 3, size=shape)
    vectors = [rng.uniform(0.5, 1, channels) for _ in range(2)]
    return [x, *vectors], {"axis": axis, "epsilon": pick(1e-5, 1e-3)}


@form
def batch_norm(pick, rng):
    arrays, settings = of_norm(pick, rng)
    # Only the outputs need gradients, not the statistics.
    part = pick(0, 0, 1, 2)

    def call(form, *x):
        found = form(*x, **settings)
        values = found[part]
        return ops.stop_gradient(values) + 0 * ops.sum(found[0])

    def outputs(form, *x):
        return form(*x, **settings)[0]

    return arrays, call if part else outputs


@form
def normalize(pick, rng):
    arrays, settings = of_norm(pick, rng)
    statistics = rng.uniform(0.5, 1, (2, len(arrays[1]))).astype("float32")

    def call(form, *x):
        mean, variance = map(ops.convert_to_tensor, statistics)
        return form(*x, mean=mean, variance=variance, **settings)

    return arrays, call


@form
def folded(pick, rng):
    channels = pick(1, 3)
    arrays = [rng.normal(size=(*pick((), (3, 3)), 2, channels))]
    arrays += [rng.normal(size=channels) for _ in range(pick(2, 3))]
    statistics = rng.uniform(0.5, 1, (2, channels)).astype("float32")
    part = pick(0, 1)

    def call(form, kernel, gamma, beta, bias=None):
        mean, variance = map(ops.convert_to_tensor, statistics)
        settings = {"mean": mean, "variance": variance, "dtype": "float32"}
        found = form(kernel, bias, gamma, beta, epsilon=1e-3, **settings)
        return found[part] + 0 * ops.sum(found[1 - part])

    return arrays, call


@form
def lerp(pick, rng):
    shape = pick((3, 4), (2, 3, 4), (2, 3, 4, 5), (2, 3, 2, 3, 4))
    return rng.normal(size=(3, *shape)), lambda form, *x: form(*x)


@form
def step(pick, rng):
    shape = pick((3, 4), (2, 3, 4), (2, 3, 4, 5), (2, 3, 2, 3, 4))
    x, target = rng.normal(size=(2, *shape))
    share = rng.normal(size=shape[-1]) * (rng.random(shape[-1]) < 0.5)
    return [x, target, share], lambda form, *x: form(*x)


@form
def relu(pick, rng):
    x = rng.normal(size=pick((3, 4), (2, 3, 4), (2, 3, 4, 5)))
    # A form may overwrite its argument, so each gets a copy.
    return [x], lambda form, x: form(1 * x)


@form
def gelu(pick, rng):
    x = pick(1, 100) * rng.normal(size=pick((3, 4), (2, 3, 4), (2, 3, 4, 5)))
    return [x], lambda form, x: form(x)


@form
def sigmoid(pick, rng):
    x = pick(1, 100) * rng.normal(size=pick((3, 4), (2, 3, 4), (2, 3, 4, 5)))
    return [x], lambda form, x: form(x)


@form
def shape(pick, rng):
    x = rng.normal(size=pick((3, 4), (2, 3, 4), (2, 3, 4, 5)))
    return [x], lambda form, x: x * sum(form(x))


@form
def cast(pick, rng):
    dtype = pick("float32", "float16", "bfloat16", "float64")
    if BACKEND == "jax" and dtype == "float64":
        dtype = "float16"

    def call(form, x):
        # Cast back, as gradients are compared in float32.
        return form(form(x, dtype), "float32")

    return [rng.normal(size=(3, 4))], call


@form
def expand_dims(pick, rng):
    axes = pick((1,), (1, 2), (2, 3), (1, 2, 3), ())
    x = rng.normal(size=(2, 3))
    return [x], lambda form, x: form(x, axes)


@form
def reshape(pick, rng):
    shape = pick((6, 4), (-1, 8), (2, -1), (24,), (1, 2, 3, 4, 1))
    return [rng.normal(size=(2, 3, 4))], lambda form, x: form(x, shape)


@form
def pad(pick, rng):
    widths = [(pick(0, 1, 2), pick(0, 1)) for _ in range(4)]
    return [rng.normal(size=(2, 3, 4, 5))], lambda form, x: form(x, widths)


@form
def constant(pick, rng):
    dtype = pick("float32", "float64")

    def call(form, x):
        return x * form(np.linspace, 0, 1, 3, dtype=dtype)

    return [rng.normal(size=(2, 3))], call


@form
def are_static(pick, rng):
    sizes = [3, pick(4, None)]

    def call(form, x):
        return x * form(*sizes)

    return [rng.normal(size=(2, 3))], call


@form
def conv2d(pick, rng):
    data_format = formats(pick)
    groups, channels_per_group = pick(
        (1, 3), (1, 1), (2, 2), (3, 4), (10, 4), (40, 1)
    )
    kernel_size = (pick(1, 2, 3, 3, 4), pick(1, 2, 3, 3, 5))
    steps = pick("none", "strides", "strides", "dilation_rate")
    strides, dilation_rate = (1, 1), (1, 1)
    if steps == "strides":
        strides = pick(2, (2, 1), (1, 3), (2, 3))
    if steps == "dilation_rate":
        dilation_rate = pick(2, (2, 1), (1, 2), (2, 2))
    padding = pick("same", "valid", ((1, 1), (0, 2)), ((1, 1), (1, 1)))
    taps = np.array(kernel_size)
    windows = (taps - 1) * np.broadcast_to(dilation_rate, 2) + 1
    size = [pick(5, 6, 6, 7), pick(4, 5, 8)]
    if padding != "same":
        size = np.maximum(size, windows)
    # For one sample, PyTorch lacks the gradient of kernels of some sizes.
    shape = (pick(2, 3), *size, groups * channels_per_group)
    shape = tuple(int(n) for n in shape)
    arrays = [
        rng.normal(
            size=data_formats.shape_from_channels_last(shape, data_format)
        ),
        rng.normal(
            size=(*kernel_size, channels_per_group, groups * pick(1, 2))
        ),
    ]
    if pick(True, False):
        arrays.append(rng.normal(size=arrays[1].shape[-1]))

    settings = {
        "strides": strides,
        "padding": padding,
        "dilation_rate": dilation_rate,
    }

    def call(form, x, kernel, bias=None):
        if inspect.isfunction(form):  # the definition
            return reference_conv2d(x, kernel, bias, data_format, settings)
        convolve = FUNCTIONS["conv2d"]
        return convolve(x, kernel, bias, data_format=data_format, **settings)

    return arrays, call


def reference_conv2d(x, kernel, bias, data_format, settings):
    """Convolve with the channels last.

    TensorFlow supports no other layout on CPUs without oneDNN.
    """
    x = reshaping.to_channels_last(x, data_format)
    if not isinstance(settings["padding"], str):
        x = ops.pad(x, [(0, 0), *settings["padding"], (0, 0)])
        settings = {**settings, "padding": "valid"}
    y = ops.conv(x, kernel, data_format="channels_last", **settings)
    y = y if bias is None else y + bias
    return reshaping.from_channels_last(y, data_format)


@form
def depthwise_conv2d(pick, rng):
    data_format = formats(pick)
    strides = pick(1, 2, (1, 3), 1)
    settings = {
        "strides": strides,
        "padding": pick("same", "valid", ((1, 1), (0, 2)), ((1, 1), (1, 1))),
        "dilation_rate": pick(1, 2, (1, 2)) if strides == 1 else 1,
    }
    channels, kernel_size = pick(1, 3, 40), (pick(1, 2, 3), pick(1, 3))
    arrays = [
        a_map(pick, rng, channels, data_format),
        rng.normal(size=(*kernel_size, 1, channels)),
    ]
    if pick(True, False):
        arrays.append(rng.normal(size=channels))

    def call(form, x, kernel, bias=None):
        if inspect.isfunction(form):  # the definition
            return reference_conv2d(x, kernel, bias, data_format, settings)
        return form(x, kernel, bias, data_format=data_format, **settings)

    return arrays, call


# The result is used by grouped convolutions.
FORMS["channels_per_block"] = conv2d


@form
def softmax(pick, rng):
    shape, axis = pick(((3, 5, 4), 1), ((3, 4, 5), 2), ((2, 1, 3), 1))
    x = 3 * rng.normal(size=shape)
    return [x], lambda form, x: form(x, axis)


@form
def pointwise(pick, rng):
    shape, axis = pick(
        ((7, 4), -1), ((7, 4), 1), ((3, 4, 5), 1), ((3, 5, 4), -1)
    )
    sizes = (shape, (4, 6), *pick([(6,)], []))
    arrays = [rng.normal(size=n) for n in sizes]

    def call(form, x, kernel, bias=None):
        return form(x, kernel, bias, axis=axis)

    return arrays, call


@form
def conv2d_few_channels(pick, rng):
    size, planes = pick(1, 2, 3, 4, 5, 7, 10, 9), pick(2, 2, 1, 3)
    # For one sample, PyTorch cannot differentiate `keras.ops.conv`.
    shape = (pick(2, 3), pick(1, 4, 6), pick(3, 5))
    arrays = [rng.normal(size=shape) for _ in range(planes)]
    arrays.append(rng.normal(size=(size, size, planes, 1)))
    return arrays, lambda form, *x: form(x[:-1], x[-1])


def reduced(pick, rng, ties=False):
    """Return a map, axes as used by callers, and `keepdims`."""
    shape, axes = pick(
        ((2, 3, 4, 5), (1, 2)),
        ((2, 3, 4, 5), (2, 3)),
        ((2, 3, 4, 5), (3,)),
        ((2, 3, 4, 5), (1,)),
        ((2, 3, 4), (1,)),
        ((2, 3, 2, 3, 4), (1, 2, 3)),
        ((2, 3, 4, 5, 6), (1, 3, 4)),
    )
    x = rng.integers(-2, 3, shape) if ties else rng.normal(size=shape)
    keepdims = pick(False, True)
    return [x], lambda form, x: form(x, axes, keepdims)


@form
def squared_deviations(pick, rng):
    arrays, _ = reduced(pick, rng)
    axes = pick((1, 2), (2,), (1,))

    def call(form, x):
        mean, squares, variance = form(x, axes)
        return mean + 2 * squares + 3 * variance

    return arrays, call


@form
def mean(pick, rng):
    return reduced(pick, rng)


@form
def reduce_sum(pick, rng):
    return reduced(pick, rng)


@form
def amax(pick, rng):
    # Integers, many of them equal: equal maxima share the gradient.
    return reduced(pick, rng, ties=pick(True, False))


@form
def activate(pick, rng):
    name = pick("hard_sigmoid", "sigmoid", "relu", "linear")
    function = keras.activations.get(name)
    return [rng.normal(0, 3, size=(2, 9))], lambda form, x: form(function, x)


@form
def scale(pick, rng):
    shape, axes = pick(
        ((2, 3, 4, 5), (1, 2)),
        ((2, 3, 4, 5), (2, 3)),
        ((2, 3, 5), (1,)),
        ((2, 3, 5), (2,)),
        ((2, 3, 2, 4, 5), (1, 2, 3)),
        ((2, 3, 4, 2, 33), (4,)),
        ((2, 3, 4, 2, 5), (4,)),
        ((2, 3, 5, 4), (2,)),
    )
    gate = [1 if axis in axes else n for axis, n in enumerate(shape)]
    arrays = [rng.normal(size=shape), rng.normal(size=gate)]
    return arrays, lambda form, *x: form(*x, axes)


@form
def l2_norm(pick, rng):
    shape, axes = pick(
        ((2, 3, 4, 5), (1, 2)),
        ((2, 3, 4, 5), (2, 3)),
        ((2, 3, 5), (1,)),
        ((2, 3, 2, 4, 5), (1, 2, 3)),
    )
    x = rng.normal(size=shape)
    if pick(True, False):
        x[0] = 0
    return [x], lambda form, x: form(x, axes)


@form
def layer_norm(pick, rng):
    shape = pick((2, 7), (3, 1), (2, 3, 5))
    x = rng.normal(size=shape) + pick(0, 100)
    if pick(True, False):
        x[0] = 4
    epsilon = pick(1e-5, 0.1)
    return [x], lambda form, x: form(x, epsilon)


@form
def scale_and_shift(pick, rng):
    (x, gate), _ = scale(pick, rng)
    axes = [axis for axis, n in enumerate(gate.shape) if n != x.shape[axis]]
    shape = (pick(*gate.shape[:1], 1), *gate.shape[1:])
    arrays = [x, gate, rng.normal(size=shape)]
    return arrays, lambda form, *x: form(*x, tuple(axes))


@form
def weighted_sum(pick, rng):
    axis, shape = pick((1, (2, 3, 6)), (2, (2, 6, 3)), (2, (1, 6, 1)))
    arrays = [rng.normal(size=shape), rng.normal(size=(shape[0], 6))]
    return arrays, lambda form, *x: form(*x, axis=axis)


@form
def group_dot(pick, rng):
    channels_per_group = pick(1, 2, 8, 32, 33)
    axis, shape, other = pick(
        (3, (2, 6, 4, channels_per_group), (2, 1, 4, channels_per_group)),
        (4, (2, 3, 5, 4, channels_per_group), (2, 1, 1, 4, channels_per_group)),
        (2, (2, 4, channels_per_group, 6), (2, 4, channels_per_group, 1)),
        (2, (2, 4, channels_per_group, 3, 5), (2, 4, channels_per_group, 1, 1)),
        (2, (2, 4, channels_per_group), (2, 1, channels_per_group)),
        (1, (2, channels_per_group, 4), (2, channels_per_group, 1)),
        (1, (2, 4, channels_per_group), (2, 4, 1)),
    )
    arrays = [rng.normal(size=n) for n in (shape, other)]
    return arrays, lambda form, *x: form(*x, axis)


@form
def max_pool(pick, rng):
    data_format = formats(pick)
    size = (pick(1, 2, 4, 5, 7), pick(1, 3, 4, 6))
    shape = data_formats.shape_from_channels_last((2, *size, 3), data_format)
    x = rng.normal(size=shape)
    return [x], lambda form, x: form(x, data_format=data_format)


@form
def resize_nearest(pick, rng):
    data_format = formats(pick)
    sizes = pick(((2, 3), (4, 12)), ((1, 5), (3, 5)), ((4, 4), (5, 8)))
    shape = data_formats.shape_from_channels_last(
        (2, *sizes[0], 3), data_format
    )
    x = rng.normal(size=shape)
    return [x], lambda form, x: form(x, sizes[1], data_format=data_format)


@form
def resize_linear(pick, rng):
    data_format = formats(pick)
    axes = pick(2, 2, 1, 3, 4)
    size = [pick(1, 2, 4, 5), pick(1, 3, 4), pick(1, 2), 3][:axes]
    shape = data_formats.shape_from_channels_last((2, *size, 3), data_format)
    settings = {
        "align_corners": pick(True, False),
        "data_format": data_format,
    }
    new = [pick(1, 2, 4, 7, 9), pick(1, 3, 6, 8), pick(1, 5), 2][:axes]
    x = rng.normal(size=shape)
    return [x], lambda form, x: form(x, new, **settings)


@form
def window_means(pick, rng):
    x = a_map(pick, rng, data_format=(data_format := formats(pick)))
    extent = pick(1, 2, 4, 8)
    return [x], lambda form, x: form(x, extent, data_format=data_format)


@form
def average_pool(pick, rng):
    factor = pick(1, 2, 3, 4)
    shape = (2, factor * pick(1, 2, 3), factor * pick(1, 2), pick(1, 3))
    return [rng.normal(size=shape)], lambda form, x: form(x, factor)


@form
def interpolate(pick, rng):
    settings = {
        "interpolation": pick("bilinear", "bicubic", "nearest"),
        "padding_mode": pick("zeros", "border", "reflection"),
        "align_corners": pick(True, False),
        "data_format": formats(pick),
    }
    x = a_map(pick, rng, data_format=settings["data_format"])
    grid = rng.uniform(-1.5, 1.5, (len(x), pick(1, 3), pick(2, 4), 2))
    return [x, off_kinks(grid)], lambda form, *x: form(*x, **settings)


@form
def bounded(pick, rng):
    size = pick(1, 2, 7)
    index = rng.integers(-9, 10, (3, 5)).astype("int32")
    weight = rng.normal(size=index.shape)

    def call(f, weight):
        found = f(ops.convert_to_tensor(index), size)
        assert keras.backend.standardize_dtype(found.dtype) == "int32"
        return weight * ops.cast(found, "float32")

    return [weight], call


@form
def gather_positions(pick, rng):
    x = rng.normal(size=(pick(1, 2), pick(1, 6), pick(1, 3)))
    shape = (len(x), *pick((1, 4), (3, 2), (5,), (1, 2, 3)))
    index = rng.integers(0, x.shape[1], shape).astype("int32")
    return [x], lambda form, x: form(x, ops.convert_to_tensor(index))


@form
def gather_along(pick, rng):
    axis = pick(1, 2)
    shape = (pick(1, 2), pick(3, 4), pick(4, 5))
    index = rng.integers(0, shape[axis], shape).astype("int32")

    def call(form, x):
        return form(x, ops.convert_to_tensor(index), axis)

    return [rng.normal(size=shape)], call


def taps(pick, rng, table, shape):
    """Return the indices of taps of a table, and their weights."""
    count = pick(1, 4, 16)
    shape = (count, len(table), *shape)
    indices = rng.integers(0, table.shape[1], shape).astype("int32")
    return list(indices), list(rng.normal(size=shape))


def paired(indices, weights):
    return [
        (ops.convert_to_tensor(index), weight)
        for index, weight in zip(indices, weights, strict=True)
    ]


@form
def matmul(pick, rng):
    shapes = pick(((2, 3, 4), (2, 4, 5)), ((2, 3, 4, 5), (2, 3, 5, 1)))
    arrays = [rng.normal(size=shape) for shape in shapes]
    return arrays, lambda form, x, y: form(x, y)


@form
def attend(pick, rng):
    axis, keys = pick(1, 2), pick(1, 40, 70)
    shapes = [(2, 90, 3), (2, keys, 3), (2, keys, pick(3, 5))]
    arrays = [
        rng.normal(size=s if axis == 2 else (s[0], s[2], s[1])) for s in shapes
    ]
    return arrays, lambda form, *inputs: form(*inputs, axis=axis)


@form
def clamped(pick, rng):
    size = pick(1, 2, 5)
    position = rng.uniform(-3, 8, pick((3, 4), (2, 3, 4)))
    position[0, 0] = pick(0, size - 1)
    return [position], lambda form, x: form(x, size)


@form
def zero_outside(pick, rng):
    maps = rng.normal(size=(2, pick(1, 3), 4, pick(1, 3)))
    is_inside = rng.random(maps.shape[:-1]) < pick(0, 0.5, 1)
    # A form may overwrite its argument, so each gets a copy.
    return [maps], lambda form, x: form(1 * x, ops.convert_to_tensor(is_inside))


@form
def weighted_gather(pick, rng):
    table = rng.normal(size=(pick(1, 2), pick(1, 6), pick(1, 3)))
    shape = (*pick((), (1,), (3, 4)), pick(1, 5))
    indices, weights = taps(pick, rng, table, shape)

    def call(form, table, *weights):
        return form(table, paired(indices, weights))

    return [table, *weights], call


@form
def deform(pick, rng):
    groups, offset_groups = pick(1, 2, 3), pick(1, 2, 4)
    offset_channels = groups * pick(1, 2)
    size = (pick(1, 2, 3), pick(1, 2))
    table = rng.normal(size=(offset_groups * pick(1, 2), 20, offset_channels))
    shape = (pick(1, 6), size[0] * size[1])
    indices, weights = taps(pick, rng, table, shape)
    channels = offset_groups * offset_channels // groups
    kernel = rng.normal(size=(*size, channels, groups * pick(1, 2)))

    def call(form, table, kernel, *weights):
        return form(
            table,
            paired(indices, weights),
            kernel,
            groups=groups,
            offset_groups=offset_groups,
        )

    return [table, kernel, *weights], call


@form
def gradient(pick, rng):
    x = rng.normal(size=pick((3,), (2, 3), (1, 2, 3)))

    def call(form, x):
        # Only the first derivative is needed.
        found = form(lambda x: ops.sum(x * x * x), ops.stop_gradient(x))
        return ops.stop_gradient(found) + 0 * x

    return [x], call
