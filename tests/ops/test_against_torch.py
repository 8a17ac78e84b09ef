"""Comparison of sampling and grids with PyTorch, if it is installed."""

import numpy as np
import pytest

from autodiff import BACKEND
from autodiff import Calls
from autodiff import vjp
from contract.case import assert_close
from keras_attention import GlimpseSensor
from keras_attention.ops import affine_grid
from keras_attention.ops import deform_attention
from ops_sampler import SETTINGS
from ops_sampler import Sampler
from ops_sampler import name

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("settings", SETTINGS, ids=name)
@pytest.mark.parametrize("shape", [(2, 7, 5, 3), (1, 1, 6, 1), (3, 4, 1, 2)])
def test_grid_sample(settings, shape, form, rng):
    maps = rng.normal(size=shape)
    # Locations keep a margin from discontinuities of values and gradients.
    grid = np.round(rng.uniform(-4, 4, size=(shape[0], 6, 9, 2)) * 64) / 64
    grid += 1 / 300
    cotangent = rng.normal(size=(shape[0], 6, 9, shape[3]))
    inputs = [torch.tensor(a, requires_grad=True) for a in (maps, grid)]
    expected = torch.nn.functional.grid_sample(
        inputs[0].permute(0, 3, 1, 2),
        inputs[1],
        mode=settings["interpolation"],
        padding_mode=settings["padding_mode"],
        align_corners=settings["align_corners"],
    ).permute(0, 2, 3, 1)
    gradients = torch.autograd.grad(
        (expected * torch.tensor(cotangent)).sum(), inputs
    )
    found = vjp(
        Sampler(settings),
        [a.astype("float32") for a in (maps, grid)],
        cotangent.astype("float32"),
    )[:2]
    expected = [a.detach().numpy() for a in (expected, *gradients)]
    # Locations of up to 20 pixels, in float32.
    assert_close([found[0], *found[1]], expected, 2e-5)


@pytest.mark.parametrize("heads", [1, 3])
def test_deform_attention(heads, rng):
    """Heads are samples of `grid_sample`, whose grid runs from -1 to 1."""
    maps = [rng.normal(size=(2, *size, 6)) for size in ((7, 5), (1, 3))]
    locations = rng.uniform(-0.3, 1.3, size=(2, 4, heads, 2, 3, 2))
    weights = rng.normal(size=(2, 4, heads, 2, 3))
    cotangent = rng.normal(size=(2, 4, 6))
    inputs = [
        torch.tensor(a, requires_grad=True) for a in (locations, weights, *maps)
    ]

    def of_heads(x):
        return x.unflatten(-1, (heads, -1)).permute(0, 3, 4, 1, 2).flatten(0, 1)

    expected = 0
    for level, value in enumerate(inputs[2:]):
        grid = 2 * inputs[0][:, :, :, level].transpose(1, 2).flatten(0, 1) - 1
        samples = torch.nn.functional.grid_sample(
            of_heads(value), grid, align_corners=False
        )
        shares = inputs[1][:, :, :, level].transpose(1, 2).flatten(0, 1)
        sums = (samples * shares[:, None]).sum(-1)
        sums = sums.unflatten(0, (2, heads)).permute(0, 3, 1, 2)
        expected = expected + sums.flatten(2)
    gradients = torch.autograd.grad(
        (expected * torch.tensor(cotangent)).sum(), inputs
    )

    def function(locations, weights, *values):
        return deform_attention(
            list(values), locations, weights, data_format="channels_last"
        )

    found = vjp(
        Calls(function),
        [a.astype("float32") for a in (locations, weights, *maps)],
        cotangent.astype("float32"),
    )[:2]
    expected = [a.detach().numpy() for a in (expected, *gradients)]
    assert_close([found[0], *found[1]], expected, 2e-5)


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("size", [(4, 7), (2, 3)])
def test_affine_grid(align_corners, size, rng):
    theta = rng.normal(size=(3, 2, 3)).astype("float32")
    expected = torch.nn.functional.affine_grid(
        torch.tensor(theta), (3, 1, *size), align_corners=align_corners
    )
    found = affine_grid(theta, size, align_corners=align_corners)
    assert_close(found, expected.numpy())


@pytest.mark.filterwarnings("ignore:.torch.jit.trace.* is deprecated")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.skipif(BACKEND != "torch", reason="PyTorch traces its own.")
@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_traces_accept_any_batch_size(layout, rng):
    """Exporters trace one sample; the graph must accept any number."""
    layer = GlimpseSensor(3, num_scales=2, data_format=layout)
    images = torch.tensor(rng.normal(size=(3, 7, 7, 7)))
    locations = torch.tensor(rng.uniform(-1, 1, size=(3, 2)))
    traced = torch.jit.trace(
        layer, (images[:1], locations[:1]), check_trace=False
    )
    torch.testing.assert_close(
        traced(images, locations), layer(images, locations)
    )
