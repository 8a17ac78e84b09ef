"""JAX transformations of every public layer and function."""

import functools

import numpy as np
import pytest

import native_forms
from autodiff import BACKEND
from autodiff import float64
from autodiff import subset
from cases import EVERYTHING
from contract.case import Case
from contract.case import assert_close
from keras_attention import CBAM
from keras_attention import ChannelAttention
from keras_attention import DeformableConv2D
from keras_attention import DynamicCapacityNetwork
from keras_attention import RecurrentAttention
from keras_attention import SpatialAttention
from keras_attention import SpatialGroupEnhance
from keras_attention import ops
from keras_attention.ops import reductions
from stress import functions

if BACKEND != "jax":
    pytest.skip("These are transformations of JAX.", allow_module_level=True)

import jax
import jax.numpy as jnp

IMAGES = (2, 4, 5, 3)
GRID = {"size": (3, 4), "align_corners": True}
FUNCTIONS = [
    Case(functions.AffineGrid, GRID, ((2, 2, 3),)),
    Case(functions.ProjectiveGrid, GRID, ((2, 3, 3),)),
    Case(functions.TPSGrid, GRID, ((2, 9, 2),)),
    *(
        Case(
            functions.GridSample,
            {
                "interpolation": interpolation,
                "padding_mode": padding_mode,
                "align_corners": False,
            },
            (IMAGES, (2, 3, 4, 2)),
        )
        for interpolation, padding_mode in (
            ("bilinear", "zeros"),
            ("bicubic", "reflection"),
            ("nearest", "border"),
        )
    ),
    Case(functions.SampleOffsets, {}, (IMAGES, (2, 4, 5, 3, 2))),
    Case(
        functions.DeformAttention,
        {},
        ((2, 4, 1, 2, 3, 2), (2, 4, 1, 2, 3), IMAGES, (2, 2, 3, 3)),
    ),
    Case(
        functions.DeformConv2D,
        {"padding": "same"},
        (IMAGES, (2, 4, 5, 8), (2, 2, 3, 2), (2, 4, 5, 4), (2,)),
    ),
    Case(
        functions.ExtractGlimpses,
        {"size": 3, "num_scales": 2, "scale_factor": 2},
        (IMAGES, (2, 2)),
    ),
]
NAMES = {
    functions.AffineGrid: "affine_grid",
    functions.ProjectiveGrid: "projective_grid",
    functions.TPSGrid: "tps_grid",
    functions.GridSample: "grid_sample",
    functions.SampleOffsets: "sample_offsets",
    functions.DeformAttention: "deform_attention",
    functions.DeformConv2D: "deform_conv2d",
    functions.ExtractGlimpses: "extract_glimpses",
}

# One case per class, with few taps and channels, to save compilation time.
LAYERS = {}
for _case in EVERYTHING:
    LAYERS.setdefault(_case.layer_cls, _case)
LAYERS[DeformableConv2D] = Case(
    DeformableConv2D, {"filters": 2, "kernel_size": (1, 2)}, (IMAGES,)
)
# Custom differentiation rules may be wrong in one order only.
WITH_RULES = (
    CBAM,
    ChannelAttention,
    DynamicCapacityNetwork,
    SpatialAttention,
    SpatialGroupEnhance,
)
# Keras' dense layers compute in float32 on JAX. Gradients take locations as
# constants; finite differences do not.
HARD = (DynamicCapacityNetwork, RecurrentAttention)
ALL = pytest.mark.parametrize("case", [*LAYERS.values(), *FUNCTIONS], ids=str)


def test_every_public_function_is_among_the_cases():
    assert {NAMES[case.layer_cls] for case in FUNCTIONS} == {*ops.__all__}


def stateless(case, dtype, training):
    """Return a function of weights and inputs, and its arguments."""
    if issubclass(case.layer_cls, functions.Function):
        layer = case.layer(dtype=dtype)
    else:
        layer = case.generic(dtype=dtype)
    others = [variable.value for variable in layer.non_trainable_variables]
    weights = [variable.value for variable in layer.trainable_variables]

    def call(weights, inputs):
        return layer.stateless_call(
            weights, others, *inputs, training=training
        )[0]

    return call, (weights, jax.tree.map(jnp.asarray, case.inputs(dtype=dtype)))


def like(structure, seed):
    """Return random numbers in the shapes and dtypes of a structure."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda x: jnp.asarray(rng.normal(size=x.shape), x.dtype), structure
    )


def inner(a, b):
    """Return the inner product of two structures."""
    products = jax.tree.map(lambda x, y: jnp.sum(x * y), a, b)
    return sum(jax.tree.leaves(products))


def moved(point, direction, step):
    """Return `point + step * direction`."""
    return jax.tree.map(lambda x, v: x + step * v, point, direction)


def numeric(case):
    """Return whether to compile a case, which is slow, or only trace it.

    The other cases have no custom differentiation rules.
    """
    return (
        case.layer_cls in WITH_RULES
        or case.layer_cls is RecurrentAttention
        or issubclass(case.layer_cls, functions.Function)
    )


@ALL
def test_derivatives_of_both_modes(case):
    """Forward mode equals reverse mode, also for second derivatives.

    Both are compared with finite differences, or traced.
    """
    with float64():
        # Batch statistics are differentiated, random locations are not.
        training = case.layer_cls is not RecurrentAttention
        call, point = stateless(case, "float64", training)

        def derivatives(point, v):
            def loss(point):
                outputs = call(*point)
                return inner(like(outputs, 2) + outputs / 2, outputs)

            gradient = jax.grad(loss)
            outputs, tangent = jax.jvp(lambda p: call(*p), (point,), (v,))
            gradients, forward = jax.jvp(gradient, (point,), (v,))
            reverse = jax.grad(lambda p: inner(gradient(p), v))(point)
            return outputs, tangent, gradients, forward, reverse

        v = like(point, 3)
        if not numeric(case):
            outputs, *found = jax.eval_shape(derivatives, point, v)
            assert found == [outputs, *[shapes_of(point)] * 3]
        else:
            compare_derivatives(case, jax.jit(derivatives), point, v)


def shapes_of(values):
    return jax.eval_shape(lambda values: values, values)


def compare_derivatives(case, derivatives, point, v, step=1e-6):
    """Compare derivatives of both modes with finite differences."""
    outputs, tangent, gradients, forward, reverse = derivatives(point, v)
    # Finite differences of the loss.
    cotangent = like(outputs, 2) + outputs
    tolerance = 1e-6 if case.layer_cls in HARD else 1e-9
    close(inner(cotangent, tangent), inner(gradients, v), tolerance)
    close(reverse, forward, tolerance)
    if case.layer_cls not in HARD:
        ahead, behind = (
            derivatives(moved(point, v, by), v) for by in (step, -step)
        )
        for found, index in ((tangent, 0), (forward, 2)):
            expected = jax.tree.map(
                lambda a, b: (a - b) / (2 * step), ahead[index], behind[index]
            )
            close(found, expected, 1e-6)


def close(found, expected, tolerance):
    """Compare structures, relative to the largest of all values."""
    scale = max(
        [1e-3, *(abs(x).max(initial=0) for x in jax.tree.leaves(expected))]
    )
    for mine, other in zip(
        jax.tree.leaves(found), jax.tree.leaves(expected), strict=True
    ):
        assert mine.dtype == other.dtype
        np.testing.assert_allclose(
            mine / scale, other / scale, rtol=0, atol=tolerance
        )


@pytest.mark.parametrize(
    "case", subset([*LAYERS.values(), *FUNCTIONS], 2), ids=str
)
def test_gradients_of_single_samples(case):
    """Gradients by `vmap` and `scan` over samples add up to the batch's."""
    call, (weights, inputs) = stateless(case, "float32", False)
    shared = getattr(case.layer_cls, "shared", ())
    axes = [None if index in shared else 0 for index in range(len(inputs))]
    cotangent = like(jax.eval_shape(call, weights, inputs), 2)

    def join(sample):
        """Return the arguments of a sample, and the shared ones."""
        return [
            x if axis is None else jax.tree.map(lambda a: a[None], part)
            for x, part, axis in zip(inputs, sample, axes, strict=True)
        ]

    def loss(weights, sample, by):
        # `vmap` maps over the axis of the samples only.
        outputs = jax.checkpoint(call)(weights, join(sample))
        return inner(by[None], outputs), outputs[0]

    @jax.jit
    def of_batch():
        return jax.value_and_grad(
            lambda weights: inner(cotangent, call(weights, inputs))
        )(weights), call(weights, inputs)

    @jax.jit
    def of_samples():
        samples = [
            jnp.zeros(len(cotangent)) if axis is None else x
            for x, axis in zip(inputs, axes, strict=True)
        ]
        (values, outputs), gradients = jax.vmap(
            jax.value_and_grad(loss, has_aux=True), (None, 0, 0)
        )(weights, samples, cotangent)

        def total(weights):
            return jax.lax.scan(
                lambda sum_, sample: (sum_ + loss(weights, *sample)[0], None),
                0.0,
                (samples, cotangent),
            )[0]

        summed = jax.tree.map(lambda x: x.sum(0), (values, gradients))
        return (summed, outputs), jax.value_and_grad(total)(weights)

    if not numeric(case):
        expected = jax.eval_shape(of_batch)
        assert jax.eval_shape(of_samples) == (expected, expected[0])
    else:
        expected = of_batch()
        mapped, scanned = of_samples()
        assert_close(mapped, expected, 1e-4)
        assert_close(scanned, expected[0], 1e-4)


def forms():
    """Return, by name, a function that calls a form, and array shapes."""
    rng = np.random.default_rng(0)
    indices = jnp.asarray(rng.integers(0, 20, (4, 2, 3, 4)))

    def taps(weights):
        return list(zip(indices, weights, strict=True))

    table, weights = (2, 20, 3), [(2, 3, 4)] * 4
    found = {
        "weighted_gather": (
            lambda f, x, *w: f(x, taps(w)),
            [table, *weights],
        ),
        "deform": (
            lambda f, x, kernel, *w: f(
                x, taps(w), kernel, groups=1, offset_groups=1
            ),
            [table, (2, 2, 3, 2), *weights],
        ),
        "batch_norm": (
            lambda f, *x: f(*x, axis=-1, epsilon=0.1)[0],
            [(1, 3, 4, 2), (2,), (2,)],
        ),
        "conv2d": (
            lambda f, *x: f(
                *x,
                strides=1,
                padding="same",
                dilation_rate=1,
                data_format="channels_last",
            ),
            [(2, 3, 4, 4), (3, 3, 2, 4), (4,)],
        ),
        "depthwise_conv2d": (
            lambda f, *x: f(
                *x,
                strides=(2, 1),
                padding="same",
                dilation_rate=1,
                data_format="channels_first",
            ),
            [(2, 5, 4, 6), (3, 2, 1, 5), (5,)],
        ),
    }
    for size in (1, 4, 7):
        found[f"conv2d_few_channels {size}"] = (
            lambda f, *x: f(x[:-1], x[-1]),
            [(2, 5, 4), (2, 5, 4), (size, size, 2, 1)],
        )
    for name in ("group_dot", "scale"):
        of_gate = (2, 1, 3, 4) if name == "group_dot" else (2, 5, 3, 1)
        found[name] = (
            lambda f, x, y, axis=3 if name == "group_dot" else (3,): f(
                x, y, axis
            ),
            [(2, 5, 3, 4), of_gate],
        )
    return found


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        *(("float32", name) for name in forms()),
        *(("bfloat16", name) for name in subset(forms(), 3)),
    ],
)
def test_derivatives_of_native_forms(name, dtype):
    """First and second derivatives equal those of the definition."""
    call, shapes = forms()[name]
    point = like([jax.ShapeDtypeStruct(shape, dtype) for shape in shapes], 1)
    v = like(point, 2)

    @functools.partial(jax.jit, static_argnums=0)
    def derivatives(form, point, v):
        def loss(point):
            outputs = call(form, *point).astype("float32")
            return inner(like(outputs, 3) + outputs / 2, outputs)

        gradient = jax.grad(loss)
        values = jax.jvp(lambda p: call(form, *p), (point,), (v,))
        second = jax.jvp(gradient, (point,), (v,))
        reverse = jax.grad(lambda p: inner(gradient(p), v).astype("float32"))
        return values, second, reverse(point)

    # In float32, as backends round differently in half precision.
    single = jax.tree.map(lambda x: x.astype("float32"), (point, v))
    form = name.split()[0]
    found = derivatives(native_forms.FUNCTIONS[form], point, v)
    expected = derivatives(native_forms.definition(form), *single)
    assert {x.dtype for x in jax.tree.leaves(found)} == {jnp.dtype(dtype)}
    found = jax.tree.map(lambda x: x.astype("float32"), found)
    assert_close(found, expected, 2e-5 if dtype == "float32" else 0.05)


@pytest.mark.parametrize("keepdims", [False, True])
def test_second_derivatives_of_maxima(keepdims):
    """Equal maxima share tangents and gradients of any order."""
    x = jnp.asarray([[1.0, 3.0, 3.0], [2.0, 0.0, 1.0]])
    v = jnp.asarray([[1.0, 4.0, 2.0], [5.0, 7.0, 6.0]])

    def largest(x):
        return reductions.amax(x, (1,), keepdims).ravel()

    tangent = jax.jvp(largest, (x,), (v,))[1]
    assert_close(tangent, np.array([3.0, 5.0], "float32"))
    # The maximum of a tangent must share gradients, too.
    outer = jax.jvp(lambda x: jax.jvp(largest, (x,), (v,)), (x,), (v,))[1]
    assert_close(outer, [tangent, np.zeros(2, "float32")])
    hessian = jax.hessian(lambda x: (largest(x) ** 2).sum())(x)
    weights = np.array([[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]])
    expected = np.zeros((2, 3, 2, 3))
    for row in range(2):
        expected[row, :, row] = 2 * np.outer(weights[row], weights[row])
    assert_close(hessian, expected)


def test_more_equal_maxima_than_float16_can_count():
    x = jnp.zeros((1, 256, 257), "float16")

    def largest(x):
        return reductions.amax(x, (1, 2))

    primal_and_tangent = jax.jvp(largest, (x,), (x + 4,))
    assert_close(primal_and_tangent, [np.zeros(1), np.full(1, 4.0)])


def test_jacobians_and_hessians():
    """`jacfwd` equals `jacrev`, and `hessian` the Jacobian of gradients."""
    call, (weights, inputs) = stateless(
        Case(CBAM, {"reduction": 1}, ((1, 3, 2, 2),)),
        "float32",
        False,
    )

    def outputs(x):
        return call(weights, [x])

    def loss(x):
        return (outputs(x) ** 2).sum()

    (x,) = inputs
    assert_close(*(jax.jit(f(outputs))(x) for f in (jax.jacfwd, jax.jacrev)))
    found = jax.jit(jax.hessian(loss))(x)
    assert_close(found, jax.jit(jax.jacrev(jax.grad(loss)))(x), 1e-4)
    assert_close(found, jnp.moveaxis(found, range(4, 8), range(4)), 1e-4)
