"""Comparison of the networks with timm, with the same weights."""

import math

import numpy as np
import pytest
import timm
import torch

from keras_attention import SqueezeExcite
from keras_attention import export_reference_weights
from keras_attention import load_reference_weights
from keras_attention import models

TIMM = {"variant": "timm"}
TORCH = {"variant": "torch"}


# Name and arguments of blocks in timm, builder, options, layout.
NETWORKS = [
    ("seresnet18", {}, models.SEResNet18, TIMM, "timm"),
    ("seresnet34", {}, models.SEResNet34, TIMM, "timm"),
    ("ecaresnet50d", {}, models.ECAResNet50, TIMM, "timm"),
    ("ecaresnet101d", {}, models.ECAResNet101, TIMM, "timm"),
    ("gcresnet50t", {}, models.GCResNet50, {}, "timm"),
    ("resnest14d", {}, models.ResNeSt14, {}, "timm"),
    ("resnest26d", {}, models.ResNeSt26, {}, "timm"),
    ("resnest50d", {}, models.ResNeSt50, {}, "timm"),
    ("resnest101e", {}, models.ResNeSt101, {}, "timm"),
    ("resnet18d", {"attn_layer": "eca"}, models.ECAResNet18, TIMM, "timm"),
    ("resnet50", {"attn_layer": "coord"}, models.CoordResNet50, TIMM, "timm"),
    ("resnet18", {"attn_layer": "cbam"}, models.CBAMResNet18, TIMM, "timm"),
    ("resnet50", {"attn_layer": "cbam"}, models.CBAMResNet50, TIMM, "timm"),
    ("legacy_seresnet18", {}, models.SEResNet18, {}, "timm_legacy"),
    ("legacy_seresnet34", {}, models.SEResNet34, {}, "timm_legacy"),
    ("legacy_seresnet50", {}, models.SEResNet50, {}, "timm_legacy"),
    ("legacy_seresnet101", {}, models.SEResNet101, {}, "timm_legacy"),
    ("legacy_seresnet152", {}, models.SEResNet152, {}, "timm_legacy"),
    ("legacy_seresnext50_32x4d", {}, models.SEResNeXt50, {}, "timm_legacy"),
    ("legacy_seresnext101_32x4d", {}, models.SEResNeXt101, {}, "timm_legacy"),
    ("legacy_senet154", {}, models.SENet154, {}, "timm_legacy"),
    ("seresnet50", {}, models.SEResNet50, TORCH, "timm"),
    ("seresnet101", {}, models.SEResNet101, TORCH, "timm"),
    ("seresnet152", {}, models.SEResNet152, TORCH, "timm"),
    ("seresnext50_32x4d", {}, models.SEResNeXt50, TORCH, "timm"),
    ("seresnext101_32x4d", {}, models.SEResNeXt101, TORCH, "timm"),
    ("skresnet18", {}, models.SKResNet18, {}, "timm"),
    ("skresnet34", {}, models.SKResNet34, {}, "timm"),
    ("skresnext50_32x4d", {}, models.SKNet50, {}, "timm"),
    # Another layer in a network.
    (
        "resnet50d",
        {"attn_layer": "se"},
        models.ECAResNet50,
        {"variant": "timm", "attention": SqueezeExcite(16, use_bias=True)},
        "timm",
    ),
]


def random_weight(name, shape, rng):
    """Return a weight with which values neither vanish nor grow."""
    values = rng.standard_normal(shape)
    if name.endswith("running_var"):
        return 0.5 + values**2 / 2
    if name.endswith(("running_mean", "bias")):
        return 0.1 * values
    if len(shape) == 1:
        return 0.6 + 0.1 * values
    return values * np.sqrt(2 / math.prod(shape[1:]))


def random_state(network, rng):
    """Return random weights and statistics of a network of timm."""
    return {
        name: torch.from_numpy(
            np.asarray(random_weight(name, tensor.shape, rng), "float32")
        )
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def outputs_of(network, images):
    """Return the logits of a network of timm."""
    with torch.no_grad():
        return network(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()


@pytest.mark.parametrize(
    ("name", "blocks", "builder", "options", "layout"),
    NETWORKS,
    ids=["-".join([row[0], *row[1].values()]) for row in NETWORKS],
)
def test_networks_of_timm_compute_the_same(
    name, blocks, builder, options, layout
):
    rng = np.random.default_rng(0)
    network = timm.create_model(name, block_args=blocks or None).eval()
    state = random_state(network, rng)
    network.load_state_dict(state, strict=True)
    images = rng.normal(size=(1, 65, 96, 3)).astype("float32")
    expected = outputs_of(network, images)

    model = builder(classifier_activation=None, **options)
    parameters = sum(math.prod(w.shape) for w in model.trainable_weights)
    assert parameters == sum(p.numel() for p in network.parameters())
    load_reference_weights(model, {k: v.numpy() for k, v in state.items()})
    found = model.predict_on_batch(images)
    scale = np.abs(expected).max()
    difference = np.abs(found - expected).max()

    # The other direction: the weights are the same, and all of them.
    exported = export_reference_weights(model, layout)
    network.load_state_dict(
        {key: torch.from_numpy(exported[key]) for key in exported}, strict=True
    )
    for key, tensor in network.state_dict().items():
        if key in state:
            assert torch.equal(tensor, state[key]), key
    print(
        f"\n{name} {blocks or ''}: {parameters:,} parameters, largest "
        f"difference {difference:.1e} of {scale:.3g}"
    )
    assert difference <= 1e-5 * max(1, scale)
