"""`segmentation.py` as a command, and its images and measure."""

import os
import re
import struct
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import _distorted
import _overlapping
import _scans

CASES = [("torch", [])]
if os.environ.get("TESTS") == "all":
    CASES += [
        ("jax", ["plain", "AttentionGate", "CrissCrossAttention"]),
        ("tensorflow", ["SpatialChannelSqueezeExcite"]),
    ]
ROWS = [
    "plain",
    "AttentionGate",
    "SpatialChannelSqueezeExcite",
    "CrissCrossAttention",
]
OVERLAP = _overlapping.Overlap(
    4, (0.5, 1), _distorted.Distortion(32, 14, 20, (0.8, 1.2), 1)
)
STILL = _overlapping.Overlap(2, (0.5, 1), _distorted.Distortion(20, 16))


@pytest.fixture(scope="module")
def scans():
    return _scans.load(train_size=96)


@pytest.mark.parametrize(("backend", "only"), CASES)
def test_segmentation(backend, only, tmp_path, in_turn):
    options = ["--epochs", 1, "--seeds", 1, "--train", 32, "--validate"]
    if only:
        options += ["--only", *only]
    folder = tmp_path / "made"
    result = in_turn(
        "segmentation", *options, "--output", folder, backend=backend
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert "\b" not in result.stdout  # a live bar is for terminals
    assert f"Backend: {backend}\n" in result.stdout
    assert "Of 1 seed, 512 test images" in result.stdout
    lines = [line for line in result.stdout.splitlines() if line[:1] == "|"]
    assert [line.split("|")[1].strip() for line in lines[2:]] == (only or ROWS)
    for line in lines[2:]:
        percent = r" +\d+\.\d\d \|"
        assert re.fullmatch(
            rf"\| \w+ +\|{percent * 2} +\d+,\d{{3}} \| +\d+\.\d \|", line
        )
    picture = folder / "segmentation.png"
    assert result.stdout.endswith(f"\npicture: {picture}\n")
    content = picture.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(content) < 150_000
    if not only:
        width, height = struct.unpack(">II", content[16:24])
        assert 1000 <= width <= 1400
        assert 300 <= height <= 1000


def test_pixels_have_the_class_of_the_topmost_digit(scans):
    digits = _distorted.enlarge(scans.train_images[:2], 16)
    classes = np.array([3, 7])
    scenes = _overlapping.paste(
        digits, classes, STILL, np.random.default_rng(0)
    )
    scans = _distorted.distort(
        digits, digits, STILL.distortion, np.random.default_rng(0)
    )[..., 0]
    ink = scans >= _overlapping.INK
    # An image has two digits, at one location: find which of them is on top.
    pairs = [(a, b) for a in range(2) for b in range(2)]
    for image, labels, depth in zip(*scenes, strict=True):
        expected = [
            np.where(ink[b], classes[b], np.where(ink[a], classes[a], 10))
            for a, b in pairs
        ]
        (found,) = np.flatnonzero([np.array_equal(labels, x) for x in expected])
        below, above = pairs[found]
        assert np.array_equal(depth, ink[below].astype(int) + ink[above])
        # The topmost digit is opaque, so it has one brightness everywhere.
        opaque = image[scans[above] >= 2 * _overlapping.INK]
        np.testing.assert_allclose(np.ptp(opaque), 0, atol=1e-6)
        if below != above:
            assert (depth > 1).any()


def test_images_are_in_range_and_dark_without_ink(scans):
    scenes = _overlapping.held_out(scans, OVERLAP, copies=1)
    assert scenes.images.dtype == "float32"
    assert scenes.images.min() == 0
    assert scenes.images.max() <= 1
    background = scenes.labels == _overlapping.BACKGROUND
    assert np.array_equal(background, scenes.depth == 0)
    assert scenes.depth.max() > 2
    pixels = scenes.images[..., 0]
    assert pixels[~background].min() >= 0.25  # half of the least brightness
    assert pixels[background].mean() < 0.1


def test_epochs_are_fresh_and_follow_from_the_seed(scans):
    first, same, other = (
        _overlapping.Epochs(scans, OVERLAP, batch_size=40, seed=seed)
        for seed in (0, 0, 1)
    )
    assert len(first) == 3
    images, labels = first[2]
    assert images.shape == (16, 32, 32, 1)
    assert labels.shape == (16, 32 * 32)
    before = first.scenes.images
    assert np.array_equal(before, same.scenes.images)
    assert not np.array_equal(before, other.scenes.images)
    first.on_epoch_end()
    assert not np.array_equal(first.scenes.images, before)
    same.on_epoch_end()
    assert np.array_equal(first.scenes.images, same.scenes.images)


def test_images_have_digits_of_their_part_only(scans):
    """Without training digits, test images are the same."""
    changed = scans._replace(train_images=0 * scans.train_images)
    scenes, again = (
        _overlapping.held_out(x, OVERLAP) for x in (scans, changed)
    )
    assert scenes.images.shape == (2 * 517, 32, 32, 1)
    assert np.array_equal(scenes.images, again.images)
    assert not np.array_equal(scenes.images[:517], scenes.images[517:])
    dark = scans._replace(test_images=0 * scans.test_images)
    training, same = (
        _overlapping.Epochs(x, OVERLAP, batch_size=32, seed=0)
        for x in (scans, dark)
    )
    assert np.array_equal(training.scenes.images, same.scenes.images)


def test_intersection_over_union_is_that_of_keras():
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 11, (2, 5, 6, 7))
    ious = _overlapping.intersection_over_union(labels, predicted)
    assert ious.shape == (10,)
    for digit, iou in enumerate(ious):
        metric = keras.metrics.IoU(11, [digit])
        assert iou == pytest.approx(float(metric(labels, predicted)), rel=1e-6)


def test_absent_class_has_no_intersection_over_union():
    labels, predicted = np.array([0, 0, 1, 10]), np.array([0, 1, 1, 0])
    ious = _overlapping.intersection_over_union(labels, predicted)
    np.testing.assert_allclose(ious[:2], [1 / 3, 1 / 2])
    assert np.isnan(ious[2:]).all()
