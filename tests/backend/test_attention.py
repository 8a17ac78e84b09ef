"""Attention to all positions: in parts, with all derivatives."""

import numpy as np
import pytest
from keras import ops

from autodiff import BACKEND
from contract.case import assert_close
from contract.case import to_numpy
from keras_attention.ops import products
from native_forms import NAMES
from native_forms import definition

pytestmark = pytest.mark.skipif(
    "attend" not in NAMES, reason="This backend has the definition only."
)


def arrays(rng, batch=2, queries=9, keys=7):
    sizes = ((queries, 3), (keys, 3), (keys, 4))
    return [rng.normal(size=(batch, *s)).astype("float32") for s in sizes]


@pytest.fixture(params=[2, 30, 10**6])
def few_weights(request, monkeypatch):
    """Limits how many weights are in memory: those of a part, or of all."""
    module = f"keras_attention._backend.{BACKEND}_attention"
    monkeypatch.setattr(f"{module}._WEIGHTS", request.param)


@pytest.mark.filterwarnings("ignore:.torch.jit.script.* is deprecated")
@pytest.mark.skipif(BACKEND != "torch", reason="`torch.func` is PyTorch's.")
@pytest.mark.parametrize("axis", [1, 2])
def test_values_and_derivatives_of_every_order(axis, few_weights, rng):
    torch = pytest.importorskip("torch")
    inputs = [torch.tensor(x) for x in arrays(rng)]
    if axis == 1:
        inputs = [x.mT for x in inputs]
    tangents = tuple(torch.randn_like(x) for x in inputs)

    def results(form):
        def loss(*inputs):
            return form(*inputs, axis=axis).square().sum()

        gradient = torch.func.grad(loss, (0, 1, 2))
        values = form(*inputs, axis=axis)
        leaves = [x.clone().requires_grad_() for x in inputs]
        first = torch.autograd.grad(loss(*leaves), leaves, create_graph=True)
        second = torch.autograd.grad(
            sum(g.square().sum() for g in first), leaves
        )
        per_sample = torch.func.vmap(
            torch.func.grad(lambda *i: loss(*(x[None] for x in i)), (0, 1, 2))
        )(*inputs)
        return [
            values,
            *torch.autograd.grad(loss(*leaves), leaves),
            *(g.detach() for g in first),
            *second,
            *gradient(*inputs),
            *per_sample,
            torch.func.jvp(loss, tuple(inputs), tangents)[1],
            *torch.func.jvp(gradient, tuple(inputs), tangents)[1],
        ]

    found = results(products.attend)
    expected = results(definition("attend"))
    assert_close([to_numpy(x) for x in found], [to_numpy(x) for x in expected])


@pytest.mark.skipif(BACKEND != "jax", reason="These are JAX's transforms.")
@pytest.mark.parametrize("axis", [1, 2])
def test_values_and_transforms(axis, few_weights, rng):
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    inputs = [jnp.asarray(x) for x in arrays(rng)]
    if axis == 1:
        inputs = [x.swapaxes(1, 2) for x in inputs]

    def results(form):
        def loss(*inputs):
            return jnp.sum(form(*inputs, axis=axis) ** 2)

        gradient = jax.grad(loss, (0, 1, 2))
        per_sample = jax.vmap(gradient)(*(x[:, None] for x in inputs))
        tangents = tuple(jnp.cos(x) for x in inputs)
        return [
            form(*inputs, axis=axis),
            *gradient(*inputs),
            *(x[:, 0] for x in per_sample),
            jax.jvp(loss, tuple(inputs), tangents)[1],
            *jax.jvp(gradient, tuple(inputs), tangents)[1],
        ]

    found = jax.jit(lambda: results(products.attend))()
    expected = jax.jit(lambda: results(definition("attend")))()
    assert_close([to_numpy(x) for x in found], [to_numpy(x) for x in expected])


def test_large_scores_are_finite(few_weights, rng):
    query, key, value = (ops.convert_to_tensor(x) for x in arrays(rng))
    outputs = to_numpy(products.attend(1e4 * query, 1e4 * key, value, axis=2))
    assert np.isfinite(outputs).all()
