"""Integer inputs, and values near the limits of float dtypes."""

import keras
import numpy as np
import pytest

import references
from autodiff import BACKEND
from autodiff import forward
from autodiff import subset
from autodiff import vjp
from cases import CASES
from cases import DYNAMIC
from cases import EVERYTHING
from contract.case import assert_close
from contract.case import assert_same
from contract.case import each
from contract.case import each_shape
from contract.case import flat
from contract.case import to_layout
from contract.selection import one_of_each_class
from keras_attention import GatedChannelTransform
from keras_attention import GlimpseSensor
from keras_attention import RecurrentAttention
from keras_attention import ResidualAttention
from keras_attention import SpatialGroupEnhance
from keras_attention.mixed._mask_activations import MASK_ACTIVATIONS


def integers(case, dtype):
    rng = np.random.default_rng(0)
    low = 0 if dtype[0] in "ub" else -2
    return each_shape(
        lambda shape: rng.integers(low, 3, shape).astype(dtype), case.shapes
    )


def as_floats(inputs):
    return each(lambda x: x.astype("float32"), inputs)


def assert_same_dtype(actual, expected):
    dtypes = [[str(a.dtype) for a in flat(it)] for it in (actual, expected)]
    assert dtypes[0] == dtypes[1]


@pytest.mark.parametrize(
    "dtype", subset(["uint8", "int8", "int32", "int64", "bool"], 5)
)
@pytest.mark.parametrize("case", one_of_each_class(EVERYTHING), ids=str)
def test_integer_inputs_are_cast_to_the_compute_dtype(case, dtype):
    layer, inputs = case.generic(), integers(case, dtype)
    expected = forward(layer, *as_floats(inputs))
    found = forward(layer, *inputs)
    assert_same_dtype(found, expected)
    # Not bit by bit, as XLA may compile calls differently.
    assert_close(flat(found), flat(expected), 1e-5)
    # Only one of two inputs, given by its name.
    *others, last = each(keras.ops.convert_to_tensor, inputs)
    others = each(lambda x: keras.ops.cast(x, "float32"), others)
    found = forward(layer, *others, last)
    assert_close(flat(found), flat(expected), 1e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("case", subset(one_of_each_class(CASES), 12), ids=str)
def test_models_take_integer_inputs(case, dtype, data_format):
    layer = case.generic(dtype=dtype, data_format=data_format)
    inputs = [to_layout(x, data_format) for x in integers(case, "uint8")]
    floats = [x.astype(layer.compute_dtype) for x in inputs]
    symbols = [keras.Input(x.shape[1:], dtype="uint8") for x in inputs]
    model = keras.Model(symbols, layer(*symbols, return_attention=True))
    expected = layer(*floats, return_attention=True)
    found = model.predict(inputs, verbose=0)
    assert_close(
        [a.astype("float32") for a in flat(found)],
        [a.astype("float32") for a in flat(expected)],
        0.02 if dtype != "float32" else 1e-5,
    )
    for symbol in keras.tree.flatten(model.output):
        assert symbol.dtype == layer.compute_dtype
    assert_same(layer.attention(*inputs), layer.attention(*floats))


@pytest.mark.parametrize("case", one_of_each_class(EVERYTHING)[::4], ids=str)
def test_stateless_calls_take_integer_inputs(case):
    layer, inputs = case.generic(), integers(case, "uint8")
    tensors = each(keras.ops.convert_to_tensor, inputs)
    found, _ = layer.stateless_call(
        [v.value for v in layer.trainable_variables],
        [v.value for v in layer.non_trainable_variables],
        *tensors,
    )
    assert_same_dtype(found, layer(*inputs))
    assert_close(found, layer(*as_floats(inputs)))


@pytest.mark.parametrize("case", subset(one_of_each_class(EVERYTHING)), ids=str)
def test_call_itself_takes_integer_inputs(case):
    """`call`, which `keras.layers.TimeDistributed` calls, casts them too."""
    layer, inputs = case.generic(), integers(case, "uint8")
    expected = layer(*as_floats(inputs))
    found = layer.call(*each(keras.ops.convert_to_tensor, inputs))
    assert_same_dtype(found, expected)
    assert_close(flat(found), flat(expected), 1e-5)


@pytest.mark.parametrize("dtype", ["int32", "bool"])
def test_time_distributed_layers_take_integer_inputs(dtype):
    x = np.random.default_rng(0).integers(0, 3, (2, 3, 4, 5, 8)).astype(dtype)
    layer = SpatialGroupEnhance(2)
    found = keras.layers.TimeDistributed(layer)(x)
    for step in range(x.shape[1]):
        expected = layer(x[:, step].astype("float32"))
        assert_close(keras.ops.cast(found[:, step], "float32"), expected, 1e-5)


def test_recurrent_attention_predicts_integer_images():
    model = RecurrentAttention(3, units=6, num_glimpses=2, glimpse_size=3)
    images = np.random.default_rng(0).integers(0, 255, (3, 9, 7, 2))
    images = images.astype("uint8")
    floats = images.astype("float32")
    assert_close(
        model.predict(images, verbose=0), model.predict(floats, verbose=0)
    )
    assert_same(model.locations(images), model.locations(floats))


def test_training_may_be_a_boolean_tensor():
    layer, x = GatedChannelTransform(), np.ones((1, 2, 2, 4), "float32")
    assert_same(layer(x, training=np.bool_(False)), x)


@pytest.mark.parametrize("case", one_of_each_class(CASES + DYNAMIC), ids=str)
def test_nested_inputs_raise(case):
    """`attention` and the call itself, symbolic or not, in the same words."""
    wrong = (
        [np.ones(case.shapes[0])],
        {"x": np.ones(case.shapes[0])},
        [[1.0, 2.0]],
        (keras.KerasTensor(case.shapes[0]),),
    )
    layer = case.generic()
    for x in wrong:
        inputs = [x] * len(case.shapes)
        for call in (layer, layer.attention):
            with pytest.raises(ValueError, match=r"must be one tensor.*Rec"):
                call(*inputs)


# Sums over channels and positions may exceed float16; those of convolutions
# must not.
IN_RANGE = [
    case
    for case in CASES
    if case.layer_cls.__name__
    in (
        "AttentionalFeatureFusion",
        "CBAM",
        "ChannelAttention",
        "EffectiveSqueezeExcite",
        "GatedChannelTransform",
        "GaussianContext",
        "GlobalContext",
        "GlobalResponseNorm",
        "IdentityStart",
        "IterativeAttentionalFeatureFusion",
        "LinearContextTransform",
        "MultiScaleChannelAttention",
        "SpatialAttention",
        "SpatialGroupEnhance",
        "SqueezeExcite",
        "StyleRecalibration",
    )
]


@pytest.mark.parametrize("large", subset([60000, 40000], 2))
@pytest.mark.parametrize("case", one_of_each_class(IN_RANGE), ids=str)
def test_float16_results_in_range_are_finite(case, large):
    rng = np.random.default_rng(0)
    layer, single = case.layer(dtype="float16"), case.layer()
    layer.build(*case.shapes)
    single.build(*case.shapes)
    single.set_weights([w.astype("float32") for w in layer.get_weights()])
    constant = [np.full(shape, large) for shape in case.shapes]
    opposite = [(-1) ** i * x for i, x in enumerate(constant)]
    signs = [rng.choice([-large, large], shape) for shape in case.shapes]
    for inputs in (constant, opposite, signs):
        half = [x.astype("float16") for x in inputs]
        found = forward(layer, *half, return_attention=True)
        expected = forward(
            single, *(x.astype("float32") for x in half), return_attention=True
        )
        for a, b in zip(flat(found), flat(expected), strict=True):
            in_range = np.abs(b) < 65504
            assert np.isfinite(a[in_range]).all()
            assert_close(
                a[in_range].astype("float32"),
                b[in_range],
                0.05 if "Squeeze" in str(case) else 5e-3,
            )


def test_residual_attention_in_float16_keeps_what_is_in_range():
    """With the statistics of the batch no convolution overflows."""
    x = np.random.default_rng(0).uniform(-3e4, 3e4, (2, 8, 8, 8))
    x = x.astype("float16")
    layer, single = (
        ResidualAttention(1, dtype=dtype) for dtype in ("float16", "float32")
    )
    layer.build(x.shape)
    single.build(x.shape)
    single.set_weights([w.astype("float32") for w in layer.get_weights()])
    found = flat(layer(x, training=True))[0]
    expected = single(x.astype("float32"), training=True)
    assert_close(found.astype("float32"), expected, 0.02)


def test_glimpses_in_float16_keep_what_is_in_range():
    images = np.full((1, 64, 64, 2), 60000, "float16")
    layer = GlimpseSensor(4, num_scales=4, dtype="float16")
    glimpses = layer(images, np.zeros((1, 2), "float16"))
    np.testing.assert_array_equal(flat(glimpses)[0], 60000)


@pytest.mark.parametrize("scale", [1e4, 1e15])
def test_spatial_group_enhance_of_large_maps(scale, data_format):
    x = np.random.default_rng(0).normal(size=(2, 6, 7, 8)) * scale
    x = x.astype("float32")
    layer = SpatialGroupEnhance(2, data_format=data_format)
    layer.build(to_layout(x.shape, data_format))
    layer.gamma.assign([0.7, -1.2])
    gate = layer.attention(to_layout(x, data_format))
    expected = to_layout(references.run(layer, [x])[1], data_format)
    assert_close(gate, expected, 1e-6)
    outputs, gradients, of_weights = vjp(
        layer,
        [to_layout(x, data_format)],
        np.ones(to_layout(x.shape, data_format), "float32"),
    )
    for array in (outputs, *gradients, *of_weights.values()):
        assert np.isfinite(array).all()


@pytest.mark.parametrize(
    ("offset", "error"), [(1e3, 2e-4), (1e4, 2e-3), (1e5, 0.02), (1e6, 0.2)]
)
def test_spatial_group_enhance_under_offsets_keeps_its_range(offset, error):
    """The error is below the documented one, and close to it."""
    x = np.random.default_rng(0).normal(offset, size=(2, 14, 14, 32))
    x = x.astype("float32")
    limits = {"float32": error, "float64": 1e-7}
    if BACKEND == "jax":
        del limits["float64"]  # which JAX supports only if enabled
    for dtype, limit in limits.items():
        layer = SpatialGroupEnhance(8, dtype=dtype)
        layer.build(x.shape)
        layer.gamma.assign(np.ones(8))
        gate = flat(forward(layer, x, return_attention=True))[1]
        expected = references.run(layer, [x])[1]
        assert np.max(np.abs(gate - expected)) < limit


@pytest.mark.parametrize("mode", ["l1", "l2"])
def test_gated_channel_transform_keeps_its_range(mode):
    shape = (2, 14, 14, 32)
    limit = 1.8e19 / np.sqrt(14 * 14 * 32)
    if mode == "l1":
        limit = 3.4e38 / (14 * 14 * 32)
    signs = np.random.default_rng(0).choice([-1, 1], shape)
    x = (0.99 * limit * signs).astype("float32")
    layer = GatedChannelTransform(mode)
    layer.build(shape)
    assert_same(forward(layer, x), x)
    layer.gamma.assign(np.linspace(-1, 1, 32))
    gate = forward(layer, x, return_attention=True)[1]
    assert_close(gate, references.run(layer, [x])[1], 1e-6)
    outputs, gradients, of_weights = vjp(layer, [x], np.ones_like(x))
    for array in (outputs, *gradients, *of_weights.values()):
        assert np.isfinite(array).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("scale", [1e-3, 1, 100])
def test_spatial_masks_have_wide_statistics(dtype, scale, data_format):
    """Mean, standard deviation and differences are not in half precision."""
    z = np.random.default_rng(0).normal(3, size=(2, 9, 9, 6)) * scale
    z = keras.ops.cast(to_layout(z, data_format), dtype)
    mask = MASK_ACTIVATIONS["spatial"](z, data_format)
    assert keras.backend.standardize_dtype(mask.dtype) == dtype
    axes = (1, 2) if data_format == "channels_last" else (2, 3)
    exact = keras.ops.convert_to_numpy(keras.ops.cast(z, "float32"))
    exact = exact.astype("float64")
    difference = exact - exact.mean(axes, keepdims=True)
    deviation = exact.std(axes, ddof=1, keepdims=True)
    expected = 1 / (1 + np.exp(-difference / (deviation + 1e-5)))
    # Half a unit in the last digit of the result, which is below 1.
    half_unit = {"float16": 2**-12, "bfloat16": 2**-9}[dtype]
    mask = keras.ops.convert_to_numpy(keras.ops.cast(mask, "float32"))
    assert np.max(np.abs(mask - expected)) < 1.01 * half_unit
