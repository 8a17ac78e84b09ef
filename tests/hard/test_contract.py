"""Contract checks of layers without attention weights."""

import inspect

import keras
import numpy as np
import pytest

import references
from autodiff import float64
from autodiff import vjp
from cases import GLIMPSES
from contract import CHECKS
from contract import cases_for
from contract.case import assert_close
from contract.case import assert_same
from contract.case import to_last as map_to_last
from contract.case import to_layout
from contract.case import to_numpy
from keras_attention import GlimpseSensor

# These checks need attention. There are tests for them below.
ATTENTION = {
    "attention_can_be_returned",
    "attention_accepts_symbolic_inputs",
    "attention_accepts_what_call_accepts",
    "equals_the_float64_reference",
    "symbolic_shapes_equal_eager_shapes",
    "unknown_sizes_are_accepted",
    "mixed_precision_is_honored",
    "float64_is_honored",
    "float16_does_not_overflow",
    "model_survives_saving",
}
# These checks need weights, gradients of locations, or a map as the output.
SENSOR = {
    "build_makes_every_weight",
    "compiled_call_equals_eager_call",
    "data_formats_have_the_same_gradients",
    "fit_changes_every_weight",
    "gradients_are_finite_and_not_zero",
    "gradients_equal_those_of_the_reference",
    "one_sample_of_one_position_is_finite",
    "weights_survive_saving",
}
# These checks assume channels in all inputs.
INPUT_SPEC = {"inputs_without_spatial_axes_raise", "unknown_channels_raise"}


def checks_and_cases():
    for check in CHECKS:
        for case in cases_for(check, GLIMPSES):
            excluded = ATTENTION | INPUT_SPEC
            if case.layer_cls is GlimpseSensor:
                excluded |= SENSOR
            if check.__name__ not in excluded:
                name = f"{check.__name__}-{case}"
                yield pytest.param(check, case, id=name)


def test_excluded_checks_exist():
    names = {check.__name__ for check in CHECKS}
    assert names >= ATTENTION | SENSOR | INPUT_SPEC


@pytest.mark.parametrize(("check", "case"), list(checks_and_cases()))
def test_contract(check, case, tmp_path):
    values = {"tmp_path": tmp_path, "mode": "default"}
    wanted = list(inspect.signature(check).parameters)[1:]
    if check.__name__ == "fit_changes_every_weight":
        values["mode"] = "eager" if torch() else "xla"
    check(case, **{name: values[name] for name in wanted})


def torch():
    return keras.config.backend() == "torch"


def to_last(outputs, layout):
    """Move the channels of glimpses, after batch and scales, to the end."""
    outputs = to_numpy(outputs)
    first = layout == "channels_first" and outputs.ndim == 5
    return np.moveaxis(outputs, 2, -1) if first else outputs


@pytest.mark.parametrize("case", GLIMPSES, ids=str)
def test_equals_the_float64_reference(case, data_format):
    layer = case.generic(data_format=data_format)
    inputs = case.inputs()
    outputs = layer(*(to_layout(x, data_format) for x in inputs))
    assert_close(
        to_last(outputs, data_format), references.run(layer, inputs)[0]
    )


@pytest.mark.parametrize("case", GLIMPSES, ids=str)
def test_symbolic_shapes_equal_eager_shapes(case, data_format):
    layer = case.layer(data_format=data_format)
    shapes = [to_layout(shape, data_format) for shape in case.shapes]
    eager = layer(*(to_layout(x, data_format) for x in case.inputs()))
    assert layer(*map(keras.KerasTensor, shapes)).shape == tuple(eager.shape)
    assert layer.compute_output_shape(*shapes) == tuple(eager.shape)


@pytest.mark.parametrize("case", GLIMPSES, ids=str)
def test_unknown_sizes_are_accepted(case):
    model = case.model(symbolic_sizes=True)
    for batch, size in ((2, 8), (3, 5)):
        inputs = case.inputs(case.resized(batch, size))
        outputs = model.predict(inputs, verbose=0)
        assert_close(outputs, references.run(model.layers[-1], inputs)[0])


@pytest.mark.parametrize("case", GLIMPSES, ids=str)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float16", 0.01), ("bfloat16", 0.08)]
)
def test_mixed_precision_is_honored(case, dtype, tolerance):
    layer = case.generic(dtype=f"mixed_{dtype}")
    outputs = layer(*case.inputs())
    assert keras.backend.standardize_dtype(outputs.dtype) == dtype
    for sublayer in layer._flatten_layers():
        assert sublayer.compute_dtype == dtype, sublayer.path
    close = to_numpy(keras.ops.cast(outputs, "float32"))
    assert_close(close, case.generic()(*case.inputs()), tolerance)


@pytest.mark.parametrize("case", GLIMPSES, ids=str)
def test_float64_is_honored(case):
    with float64():
        layer = case.generic(dtype="float64")
        inputs = case.inputs(dtype="float64")
        outputs = to_numpy(layer(*inputs))
        assert outputs.dtype == "float64"
        # Keras' dense layers compute in float32 on PyTorch.
        tolerance = 1e-6 if layer.weights and torch() else 1e-12
        assert_close(outputs, references.run(layer, inputs)[0], tolerance)


@pytest.mark.parametrize("dtype", ["float16", "mixed_float16"])
def test_float16_does_not_overflow(dtype):
    images = np.full((1, 64, 64, 2), 1000, "float16")
    locations = np.zeros((1, 2), "float16")
    layer = GlimpseSensor(4, num_scales=4, dtype=dtype)
    np.testing.assert_array_equal(to_numpy(layer(images, locations)), 1000)


@pytest.mark.parametrize("case", GLIMPSES, ids=str)
def test_model_survives_saving(case, tmp_path):
    model, inputs = case.model(), case.inputs()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is case.layer_cls
    assert_same(loaded(inputs), model(inputs))


@pytest.mark.parametrize("case", GLIMPSES, ids=str)
def test_invalid_inputs_raise(case):
    images, locations = case.shapes
    with pytest.raises(ValueError, match=r"known size .*Received: "):
        case.layer().build((*images[:-1], None), locations)
    for wrong in ((3, 3), (3,), (3, 1, 2)):
        with pytest.raises(ValueError, match=r"\(batch, 2\).*Received: "):
            case.layer().build(images, wrong)
    with pytest.raises(ValueError, match="ndim"):
        case.layer()(np.zeros((3, 8)), np.zeros(locations))


def test_gradient_of_sensor_images_equals_the_reference(data_format):
    case = GLIMPSES[1]
    images, locations = case.inputs()
    cotangent = case.cotangent()
    layer = case.layer(data_format=data_format)
    fixed = keras.layers.Lambda(lambda x: layer(x, locations))
    if data_format == "channels_first":
        cotangent = np.moveaxis(cotangent, -1, 2)
    _, (gradient,), _ = vjp(fixed, [to_layout(images, data_format)], cotangent)
    gradient = map_to_last(gradient, data_format)
    # The layer is linear in the images.
    for pixel in ((0, 4, 3, 1), (1, 0, 6, 0), (2, 8, 0, 1)):
        one = np.zeros_like(images)
        one[pixel] = 1
        expected = (
            references.run(layer, [one, locations])[0] * case.cotangent()
        ).sum()
        np.testing.assert_allclose(gradient[pixel], expected, atol=1e-5)
