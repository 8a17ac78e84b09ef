"""Outputs: values and shapes, in both data formats and for all sizes."""

import warnings

import keras
import numpy as np
import pytest

import references
from autodiff import BACKEND
from autodiff import forward
from autodiff import vjp
from contract.case import LAYOUTS
from contract.case import assert_close
from contract.case import to_last
from contract.case import to_layout
from contract.case import to_numpy
from contract.registry import check
from contract.registry import for_every_case


@check
def equals_the_float64_reference(case):
    for layout in LAYOUTS:
        layer = case.generic(data_format=layout)
        inputs = case.inputs()
        outputs, attention = layer(
            *(to_layout(x, layout) for x in inputs), return_attention=True
        )
        expected, expected_attention = references.run(layer, inputs)
        assert_close(to_last(outputs, layout), expected)
        assert_close(
            case.attention_to_last(attention, layout), expected_attention
        )


@check
def data_formats_have_the_same_gradients(case):
    _, last, weights = case.gradients
    _, first, first_weights = vjp(
        case.generic(data_format="channels_first"),
        [to_layout(x, "channels_first") for x in case.inputs()],
        to_layout(case.cotangent(), "channels_first"),
    )
    assert_close([to_last(g, "channels_first") for g in first], last)
    assert_close(first_weights, weights)


@check
def symbolic_shapes_equal_eager_shapes(case):
    for layout in LAYOUTS:
        layer = case.layer(data_format=layout)
        shapes = [to_layout(shape, layout) for shape in case.shapes]
        inputs = [to_layout(x, layout) for x in case.inputs()]
        eager = layer(*inputs, return_attention=True)
        symbolic = layer(*map(keras.KerasTensor, shapes), return_attention=True)
        assert shapes_of(symbolic) == shapes_of(eager)
        outputs = layer(*map(keras.KerasTensor, shapes))
        assert outputs.shape == tuple(eager[0].shape)
        assert layer.compute_output_shape(*shapes) == outputs.shape


@for_every_case
def unknown_sizes_are_accepted(case):
    model = case.model(symbolic_sizes=True, return_attention=True)
    unknown = (None,) * (len(case.shapes[0]) - 2)
    sizes = case.kwargs.get("output_size", unknown)
    assert model.outputs[0].shape[:-1] == (None, *sizes)
    # JAX compiles each size separately; the next check has another size.
    for batch, size in ((3, 5),) if BACKEND == "jax" else ((2, 8), (3, 5)):
        inputs = case.inputs(case.resized(batch, size))
        outputs = model.predict(inputs, verbose=0)
        assert_close(outputs, references.run(model.layers[-1], inputs))


@check
def a_sample_does_not_depend_on_the_batch(case):
    layer, inputs = case.generic(), case.inputs()
    together = to_numpy(forward(layer, *inputs))
    alone = [
        to_numpy(forward(layer, *(x[i : i + 1] for x in inputs)))
        for i in range(len(together))
    ]
    assert_close(np.concatenate(alone), together)


@check
def traces_accept_any_batch_size(case):
    """Exporters trace one sample; the graph must accept any number."""
    if BACKEND != "torch":
        return  # others trace with unknown sizes: see above
    torch = pytest.importorskip("torch")
    layer = case.generic()
    inputs = [keras.ops.convert_to_tensor(x) for x in case.inputs()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about values that become constant
        traced = torch.jit.trace(
            layer, [x[:1] for x in inputs], check_trace=False
        )
    assert_close(traced(*inputs), layer(*inputs))


@check
def one_sample_of_one_position_is_finite(case):
    shapes = case.resized(1, 1)
    layer = case.generic(shapes)
    for value in (0.0, 1.0):
        inputs = [np.full(shape, value, "float32") for shape in shapes]
        outputs, gradients, weight_gradients = vjp(
            layer, inputs, case.cotangent(shapes)
        )
        for array in (outputs, *gradients, *weight_gradients.values()):
            assert np.isfinite(array).all()
        assert_close(outputs, references.run(layer, inputs)[0])


def shapes_of(structure):
    return keras.tree.flatten(
        keras.tree.map_structure(lambda x: str(tuple(x.shape)), structure)
    )
