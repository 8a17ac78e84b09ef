"""PyTorch training loops: autocast and state dicts."""

import io

import keras
import numpy as np
import pytest

import cases
from autodiff import BACKEND
from contract.case import each
from keras_attention import RecurrentAttention
from small_networks import small

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.skipif(
    BACKEND != "torch", reason="these loops are PyTorch's"
)

EVERYTHING = pytest.mark.parametrize("case", cases.EVERYTHING, ids=str)
DTYPES = pytest.mark.parametrize("dtype", ["bfloat16", "float16"])


def tensors(case, layout, dtype="float32"):
    dtype = getattr(torch, dtype)
    return each(
        lambda x: torch.tensor(np.ascontiguousarray(x)).to(dtype),
        case.in_layout(case.inputs(), layout),
    )


def check_step(model, inputs, dtype, idle=()):
    """Take a mixed precision step, and check which weights change."""
    weights = [
        weight
        for weight in model.trainable_weights
        if not weight.path.endswith(tuple(idle))
    ]
    before = [weight.value.detach().clone() for weight in weights]
    values = [weight.value for weight in model.trainable_weights]
    optimizer = torch.optim.SGD(values, 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=16.0)
    with torch.autocast("cpu", getattr(torch, dtype)):
        outputs = model(*inputs, training=True)
        # Without factors, a normalization at the end makes it a constant.
        factors = torch.linspace(0.5, 1.5, outputs.numel())
        loss = (outputs.float() * factors.view(outputs.shape)).square().mean()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    assert torch.isfinite(loss)
    assert scaler.get_scale() == 16  # no gradient was infinite
    for weight, old in zip(weights, before, strict=True):
        assert not torch.equal(weight.value, old), weight.path
    with torch.no_grad(), torch.autocast("cpu", getattr(torch, dtype)):
        assert torch.isfinite(model(*inputs)).all()


@DTYPES
@EVERYTHING
def test_layers_train_under_autocast(case, dtype):
    for layout, kinds in (
        ("channels_last", ("float32",) * 3),
        ("channels_first", (dtype, "float32", "float32")),
    ):
        layer = case.generic(data_format=layout)
        inputs = [
            tensors(case, layout, kind)[index]
            for index, kind in zip(range(len(case.shapes)), kinds, strict=False)
        ]
        if not case.has_weights:
            inputs[0].requires_grad_()
            optimizer_free = layer(*inputs, training=True)
            assert optimizer_free.requires_grad
            continue
        idle = [*case.idle_weights, *case.inert_weights]
        if case.layer_cls is RecurrentAttention:
            # `compute_loss` trains these, by rewards.
            parts = ("locator_hidden", "locator", "baseline")
            idle += [f"{p}/{w}" for p in parts for w in ("kernel", "bias")]
        check_step(layer, inputs, dtype, idle)


@DTYPES
@EVERYTHING
def test_autocast_results_are_close(case, dtype):
    layer = case.generic()
    inputs = tensors(case, "channels_last")
    keras.utils.set_random_seed(0)
    with torch.no_grad():
        expected = case.generic()(*inputs)
        with torch.autocast("cpu", getattr(torch, dtype)):
            found = layer(*inputs)
    difference = (found.float() - expected).abs()
    # In bfloat16 locations may be off by a pixel, so not the largest error.
    typical = float(difference.median() / expected.abs().max())
    assert typical < (0.02 if dtype == "float16" else 0.1)


@pytest.mark.parametrize(
    "family", ["cbam", "sge", "sk", "iaff", "gct", "attention"]
)
def test_networks_train_under_autocast(family):
    network = small(family, input_shape=(32, 32, 3))
    images = torch.rand(2, 32, 32, 3)
    values = [weight.value for weight in network.trainable_weights]
    with torch.autocast("cpu", torch.bfloat16):
        loss = network(images, training=True).float().square().mean()
    loss.backward()
    assert torch.isfinite(loss)
    assert all(value.grad is not None for value in values)
    assert all(torch.isfinite(value.grad).all() for value in values)


class Wrapped(torch.nn.Module):
    """A module with a Keras layer as a submodule."""

    def __init__(self, layer):
        super().__init__()
        self.inner = layer

    def forward(self, *inputs):
        return self.inner(*inputs)


@EVERYTHING
def test_state_dicts_round_trip(case):
    inputs = tensors(case, "channels_last")
    # Keras puts the name of a layer into the keys.
    old = Wrapped(case.generic(name="attention"))
    file = io.BytesIO()
    torch.save(old.state_dict(), file)
    file.seek(0)
    layer = case.layer(name="attention")
    layer.build(*case.shapes)
    new = Wrapped(layer)
    new.load_state_dict(torch.load(file, weights_only=True))
    for weight, other in zip(new.inner.weights, old.inner.weights, strict=True):
        assert torch.equal(weight.value, other.value), weight.path
    with torch.no_grad():
        assert torch.equal(new(*inputs), old(*inputs))
