"""Functions of symbolic tensors, and models made of them."""

import dataclasses
import inspect
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from autodiff import BACKEND
from autodiff import compiled
from autodiff import subset
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention import ops
from ops_calls import CALLS

ALL_CALLS = pytest.mark.parametrize("call", CALLS, ids=str)


def numbers(call, **arrays):
    """Return the results of a call, compiled."""
    arrays = {**call.arrays(), **arrays}
    return to_numpy(compiled(lambda x: call(**x))(arrays))


def test_every_public_function_is_called():
    assert {call.function.__name__ for call in CALLS} == set(ops.__all__)


@pytest.mark.parametrize("call", subset(CALLS), ids=str)
def test_models_compute_what_functions_do(call):
    inputs = call.inputs(unknown=True)
    model = keras.Model(inputs, call(**inputs))
    for samples in (1, 2):
        arrays = call.arrays()
        for name in set(arrays) - set(call.shared):
            arrays[name] = arrays[name][:samples]
        assert_close(compiled(model)(arrays), numbers(call, **arrays))


@ALL_CALLS
def test_symbolic_shapes_equal_eager_shapes(call):
    expected = numbers(call).shape
    known = call(**call.inputs()).shape
    assert known == (None, *expected[1:])
    unknown = call(**call.inputs(unknown=True)).shape
    assert len(unknown) == len(expected)
    for found, size in zip(unknown, expected, strict=True):
        assert found in (None, size)
    # One known batch size determines that of the output.
    for name, x in call.tensors.items():
        inputs = {**call.inputs(unknown=True), name: keras.KerasTensor(x.shape)}
        assert call(**inputs).shape[0] == (
            None if name in call.shared else x.shape[0]
        )


@ALL_CALLS
def test_each_tensor_may_be_symbolic_among_others(call):
    expected = numbers(call)
    for name, x in call.arrays().items():
        others = {
            # NumPy, lists, variables and tensors.
            key: (
                lambda x: x,
                np.ndarray.tolist,
                keras.Variable,
                keras.ops.convert_to_tensor,
            )[i % 4](array)
            for i, (key, array) in enumerate(call.arrays().items())
            if key != name
        }
        inputs = call.inputs()[name]
        outputs = call(**others, **{name: inputs})
        assert (outputs.shape[0] or len(x)) == expected.shape[0]
        assert outputs.shape[1:] == expected.shape[1:]
        if call in subset(CALLS):
            model = keras.Model(inputs, outputs)
            assert_close(compiled(model)(x), expected)


@pytest.fixture(scope="module")
def whole():
    """Return a model of all calls, its inputs and its outputs."""
    inputs, outputs, arrays, expected = {}, {}, {}, {}
    for number, call in enumerate(CALLS):
        own = call.inputs(unknown=True, suffix=f"_{number}")
        given = call.arrays()
        for name, x in own.items():
            # Constants are saved with the model.
            if name == "kernel":
                own[name] = given[name]
            elif name == "bias":
                own[name] = given[name].tolist()
            elif name not in call.shared:
                inputs[x.name] = x
                arrays[x.name] = given[name]
        outputs[f"output_{number:02}"] = call(**own)
        expected[f"output_{number:02}"] = numbers(call)
    return keras.Model(inputs, outputs), arrays, expected


def assert_computes(model, arrays, expected):
    outputs = compiled(model)(arrays)
    assert set(outputs) == set(expected)
    for name, right in expected.items():
        assert_close(outputs[name], right)


def test_models_survive_cloning(whole):
    model, arrays, expected = whole
    clone = keras.models.clone_model(model)
    assert_computes(clone, arrays, expected)
    names = {operation.name for operation in model.operations}
    assert {operation.name for operation in clone.operations} == names
    assert {"affine_grid", "deform_conv2d", "grid_sample"} <= names


WORKER = """
import sys
import keras, numpy as np
import keras_attention
model = keras.saving.load_model(sys.argv[1])
with np.load(sys.argv[2]) as file:
    outputs = model.predict_on_batch(dict(file))
np.savez(sys.argv[3], **outputs)
"""


def test_models_survive_saving(whole, tmp_path):
    model, arrays, expected = whole
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "arrays.npz", **arrays)
    # In a new process with another default data format.
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "keras.json").write_text(
        json.dumps({"image_data_format": "channels_first", "backend": BACKEND})
    )
    files = [tmp_path / f for f in ("model.keras", "arrays.npz", "out.npz")]
    subprocess.run(
        [sys.executable, "-c", WORKER, *files],
        check=True,
        env={
            **os.environ,
            "KERAS_HOME": str(tmp_path / "home"),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
    )
    with np.load(files[2]) as outputs:
        assert set(outputs) == set(expected)
        for name, right in expected.items():
            assert_close(outputs[name], right)


@ALL_CALLS
def test_configs_are_complete(call):
    operation = call(**call.inputs())._keras_history.operation
    config = json.loads(json.dumps(operation.get_config()))
    assert config.pop("name").startswith(call.function.__name__)
    parameters = inspect.signature(call.function).parameters
    assert set(config) == set(parameters) - {*call.names, "mask", "bias"}
    again = type(operation).from_config({**config, "name": "other"})
    assert again.name == "other"
    assert again.settings == operation.settings
    name = keras.saving.get_registered_name(type(operation))
    assert name.startswith("keras_attention>")
    assert keras.saving.get_registered_object(name) is type(operation)


def test_a_model_keeps_the_data_format_it_was_made_with():
    usual = keras.config.image_data_format()
    try:
        for data_format in ("channels_first", "channels_last"):
            keras.config.set_image_data_format(data_format)
            outputs = ops.sample_offsets(
                keras.Input((5, 5, 5)), keras.Input((5, 5, 2))
            )
            config = outputs._keras_history.operation.get_config()
            assert config["data_format"] == data_format
    finally:
        keras.config.set_image_data_format(usual)


def test_functions_train():
    """Gradients flow through both functions of a spatial transformer."""
    images = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D(data_format="channels_last")(images)
    theta = keras.layers.Reshape((2, 3))(
        keras.layers.Dense(6, bias_initializer="glorot_normal")(x)
    )
    grid = ops.affine_grid(theta, (4, 4))
    x = ops.grid_sample(images, grid, data_format="channels_last")
    offsets = keras.layers.Conv2D(2, 1, data_format="channels_last")(x)
    x = ops.deform_conv2d(
        x, offsets, np.ones((1, 1, 3, 1)), data_format="channels_last"
    )
    model = keras.Model(images, x)
    model.compile("sgd", "mse")
    before = [to_numpy(w) for w in model.trainable_weights]
    rng = np.random.default_rng(0)
    model.fit(
        rng.normal(size=(2, 6, 5, 3)), rng.normal(size=(2, 4, 4, 1)), verbose=0
    )
    for old, weight in zip(before, model.trainable_weights, strict=True):
        assert (to_numpy(weight) != old).any(), weight.path


WRONG = [
    ("affine_grid", {"theta": (2, 3, 3)}, {}),
    ("affine_grid", {}, {"size": 4}),
    ("projective_grid", {"theta": (2, 2, 3)}, {}),
    ("projective_grid", {}, {"align_corners": 1}),
    ("tps_grid", {"points": (2, 9, 3)}, {}),
    ("tps_grid", {"points": (2, 8, 2)}, {}),
    ("tps_grid", {}, {"size": (4, 0)}),
    ("grid_sample", {"inputs": (6, 7, 4)}, {}),
    ("grid_sample", {"grid": (2, 4, 5, 3)}, {}),
    ("grid_sample", {"grid": (1, 4, 5, 2)}, {}),
    ("grid_sample", {}, {"interpolation": "linear"}),
    ("grid_sample", {}, {"padding_mode": "zero"}),
    ("grid_sample", {}, {"data_format": "NCHW"}),
    ("deform_conv2d", {"inputs": (2, 6, 7)}, {}),
    ("deform_conv2d", {"inputs": (3, 6, 7, 4)}, {}),
    ("deform_conv2d", {"offsets": (2, 3, 4, 35)}, {}),
    ("deform_conv2d", {"offsets": (2, 4, 4, 36)}, {}),
    ("deform_conv2d", {"kernel": (3, 3, 4, 6)}, {}),
    ("deform_conv2d", {"kernel": (9, 3, 2, 6)}, {}),
    ("deform_conv2d", {"mask": (2, 3, 4, 9)}, {}),
    ("deform_conv2d", {"bias": (5,)}, {}),
    ("deform_conv2d", {}, {"strides": 0}),
    ("deform_conv2d", {}, {"padding": "full"}),
    ("deform_conv2d", {}, {"padding": np.float32(1)}),
    ("deform_conv2d", {}, {"groups": 3}),
    ("deform_conv2d", {}, {"offset_groups": 3}),
    ("deform_attention", {"values[0]": (2, 6, 7)}, {}),
    ("deform_attention", {"values[1]": (2, 3, 2, 6)}, {}),
    ("deform_attention", {"values[1]": (3, 3, 2, 4)}, {}),
    ("deform_attention", {"locations": (2, 5, 3, 2, 3, 2)}, {}),
    ("deform_attention", {"locations": (2, 5, 2, 1, 3, 2)}, {}),
    ("deform_attention", {"locations": (2, 5, 2, 2, 3, 3)}, {}),
    ("deform_attention", {"weights": (2, 5, 2, 2, 4)}, {}),
    ("deform_attention", {}, {"data_format": "NHWC"}),
    ("sample_offsets", {"inputs": (6, 7, 4)}, {}),
    ("sample_offsets", {"offsets": (2, 6, 6, 2)}, {}),
    ("sample_offsets", {"offsets": (3, 6, 7, 2)}, {}),
    ("extract_glimpses", {"images": (6, 7, 4)}, {}),
    ("extract_glimpses", {"locations": (2, 3)}, {}),
    ("extract_glimpses", {"locations": (1, 2)}, {}),
    ("extract_glimpses", {}, {"size": 2.5}),
    ("extract_glimpses", {}, {"num_scales": 0}),
]


@pytest.mark.parametrize(("name", "shapes", "settings"), WRONG, ids=str)
def test_errors_are_the_eager_ones(name, shapes, settings):
    call = next(c for c in CALLS if c.function.__name__ == name)
    arrays = call.arrays() | {k: np.ones(v) for k, v in shapes.items()}
    settings = {**call.settings, **settings}
    call = dataclasses.replace(call, settings=settings)
    with pytest.raises(ValueError, match=r"\. Received: ") as eager:
        call(**arrays)
    symbolic = {k: keras.KerasTensor(x.shape) for k, x in arrays.items()}
    with pytest.raises(ValueError, match=r"\. Received: ") as error:
        call(**symbolic)
    assert str(error.value) == str(eager.value)


@pytest.mark.parametrize("name", ["affine_grid", "projective_grid", "tps_grid"])
def test_sizes_may_come_from_symbolic_shapes(name):
    call = next(c for c in CALLS if c.function.__name__ == name)
    inputs = call.inputs()
    height, width = keras.ops.shape(keras.Input((4, 5, 3)))[1:3]
    grid = call.function(**inputs, size=(height, width))
    assert grid.shape == (None, 4, 5, 2)
    unknown = keras.ops.shape(keras.Input((None, 5, 3)))[1:3]
    number = keras.Input(batch_shape=(), dtype="int32")
    for size in (unknown, (number, 5), number):
        with pytest.raises(ValueError, match=r"`call` of a layer.* Received: "):
            call.function(**inputs, size=size)


@ALL_CALLS
def test_functions_keep_signature_and_docstring(call):
    function = call.function
    assert next(iter(inspect.signature(function).parameters)) in call.names
    assert "Args:" in function.__doc__
    with pytest.raises(TypeError, match="missing a required argument"):
        function(size=keras.Input(()))
