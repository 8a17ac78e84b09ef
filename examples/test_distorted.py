"""Modules that several examples use: distorted digits, and the table."""

import doctest
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import _distorted
import _scans
import _table

Distortion = _distorted.Distortion
ALL = Distortion(40, 20, 90, (0.6, 1.2), 1, clutter=4, piece=6)


class Highest:
    """A generator of nothing but the largest value."""

    def uniform(self, low, high, size):
        return np.full(size, high, "float64")


@pytest.fixture(scope="module")
def scans():
    return _scans.load(train_size=96)


def distorted(scans, rng=None, **arguments):
    distortion = Distortion(**arguments)
    images = _distorted.enlarge(scans.train_images, distortion.digit)
    rng = rng or np.random.default_rng(0)
    return _distorted.distort(images, images, distortion, rng)[..., 0]


def test_parts_have_no_scan_in_common():
    scans = _scans.load()
    chosen = _scans.load(validate=True)
    parts = [chosen.train_images, chosen.test_images, scans.test_images]
    assert [len(part) for part in parts] == [1024, 256, 517]
    together = np.concatenate(parts).reshape(1797, -1)
    assert len(np.unique(together, axis=0)) == 1797
    assert together.min() == 0
    assert together.max() == 1


def test_epochs_are_fresh_and_follow_from_the_seed(scans):
    first, same, other = (
        _distorted.Epochs(scans, ALL, batch_size=40, seed=seed)
        for seed in (0, 0, 1)
    )
    assert len(first) == 3
    assert first[0][0].shape == (40, 40, 40, 1)
    assert first[2][0].shape == (16, 40, 40, 1)
    assert first[0][0].dtype == "float32"
    assert np.array_equal(first.images, same.images)
    assert not np.array_equal(first.images, other.images)
    first.on_epoch_end()
    assert not np.array_equal(first.images, same.images)
    same.on_epoch_end()
    assert np.array_equal(first.images, same.images)
    assert np.array_equal(first.labels, same.labels)


def test_every_image_keeps_its_label(scans):
    data = _distorted.Epochs(scans, Distortion(), copies=2)
    assert len(data.labels) == 2 * 96
    plain = distorted(scans)
    for image, label in zip(data.images, data.labels, strict=True):
        same = (plain == image[..., 0]).all(axis=(1, 2))
        assert label in scans.train_labels[same]


def test_test_images_are_always_the_same(scans):
    images, labels = _distorted.held_out(scans, ALL, copies=3)
    again, _ = _distorted.held_out(scans, ALL, copies=3)
    assert images.shape == (3 * 517, 40, 40, 1)
    assert np.array_equal(images, again)
    assert not np.array_equal(images[:517], images[517 : 2 * 517])
    assert np.array_equal(labels[:517], scans.test_labels)
    assert np.array_equal(labels[517 : 2 * 517], scans.test_labels)


def test_rotation_turns_about_the_middle(scans):
    turned = distorted(scans, Highest(), rotation=90)
    upright = distorted(scans)
    np.testing.assert_allclose(
        turned, np.rot90(upright, axes=(2, 1)), atol=1e-5
    )


def test_scale_makes_larger(scans):
    larger = distorted(scans, Highest(), scale=(1, 1.5)).sum((1, 2))
    ratio = larger / distorted(scans).sum((1, 2))
    np.testing.assert_allclose(ratio, 1.5**2, rtol=0.03)


def test_translation_stays_on_the_canvas(scans):
    middle = distorted(scans).sum((1, 2))
    corner = distorted(scans, Highest(), translation=1)
    assert corner[:, :14].max() < 0.05  # a margin smooths the border
    assert corner[:, :, :14].max() < 0.05
    # All that may be cut off is the smooth end of a stroke.
    np.testing.assert_allclose(corner.sum((1, 2)), middle, rtol=0.1)
    anywhere = distorted(scans, translation=1)
    np.testing.assert_allclose(anywhere.sum((1, 2)), middle, rtol=0.1)
    columns = (anywhere.sum(2) @ np.arange(40)) / anywhere.sum((1, 2))
    assert columns.std() > 3


def test_clutter_covers_the_whole_canvas(scans):
    clean = distorted(scans)
    cluttered = distorted(scans, clutter=5, piece=6)
    assert (cluttered >= clean).all()
    assert cluttered.max() <= 1
    changed = (cluttered != clean).sum((1, 2))
    assert changed.max() <= 5 * 6 * 6
    assert changed.mean() > 36
    # Over all images, the clutter covers the canvas.
    assert ((cluttered != clean).any(axis=0)).mean() > 0.9


def test_block_size_does_not_change_images(scans, monkeypatch):
    whole = distorted(scans, rotation=30, clutter=1)
    monkeypatch.setattr(_distorted, "BLOCK", 7)
    assert np.array_equal(distorted(scans, rotation=30, clutter=1), whole)


def test_table():
    assert doctest.testmod(_table).failed == 0
    runs = [{"error": 1.0, "size": 12}, {"error": 3.0, "size": 12}]
    rows = {"plain": runs, "with attention": runs[:1]}
    table = _table.markdown("model", {"error": ".1f", "size": "d"}, rows)
    assert table.splitlines()[2:] == [
        "| plain          | 2.0 ± 1.4 |   12 |",
        "| with attention |       1.0 |   12 |",
    ]
