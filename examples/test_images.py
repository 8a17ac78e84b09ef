"""Images of `compare.py`: of folders, and of data sets."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

import _images


def paint(path, color=(200, 30, 10), mode="RGB", size=(9, 7)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).convert(mode).save(path)


def load(folder, share=0.25, **options):
    return _images.load(str(folder), size=6, test_share=share, **options)


def refusal(folder, capsys):
    with pytest.raises(SystemExit) as end:
        load(folder)
    assert end.value.code == 2
    return capsys.readouterr().err


def test_split_is_stratified_and_always_the_same(tmp_path):
    for name, count in (("a", 12), ("b", 5)):
        for i in range(count):
            paint(tmp_path / name / f"{i}.png", (i, 0, 0))
    images = load(tmp_path)
    assert images.classes == ("a", "b")
    assert np.bincount(images.train_labels).tolist() == [9, 4]
    assert np.bincount(images.test_labels).tolist() == [3, 1]
    assert images.train_images.shape == (13, 6, 6, 3)
    assert images.train_images.dtype == "uint8"
    red = [x[..., 0].mean() for x in (images.train_images, images.test_images)]
    assert red[0] * 13 + red[1] * 4 == sum(range(12)) + sum(range(5))
    again = load(tmp_path)
    assert all(map(np.array_equal, images, again))
    assert len(load(tmp_path, train=3).train_labels) == 3


def test_images_of_any_kind(tmp_path):
    for mode in ("RGB", "L", "P", "CMYK", "1", "RGBA", "LA"):
        suffix = "tif" if mode == "CMYK" else "png"
        paint(tmp_path / "a" / f"{mode}.{suffix}", (255, 255, 255), mode)
    Image.new("RGBA", (3, 3), (0, 0, 0, 0)).save(tmp_path / "a" / "clear.png")
    paint(tmp_path / "b" / "below" / "1.webp", (0, 0, 0))
    paint(tmp_path / "b" / "2.BMP", (0, 0, 0))
    images = load(tmp_path)
    assert images.train_images.shape[1:] == (6, 6, 3)
    assert (images.train_images[images.train_labels == 0] > 250).all()
    assert (images.test_images[images.test_labels == 0] > 250).all()
    assert (images.train_images[images.train_labels == 1] < 5).all()


def test_gray_images_have_one_channel(tmp_path):
    for name, value in (("a", 40_000), ("b", 10_000)):
        for i in range(2):
            paint(tmp_path / name / f"{i}.png", (value // 256,) * 3, "L")
        deep = np.full((5, 5), value, "uint16")
        Image.fromarray(deep).save(tmp_path / name / "deep.png")
    images = load(tmp_path)
    assert images.train_images.shape[1:] == (6, 6, 1)
    for label, value in ((0, 40_000 // 256), (1, 10_000 // 256)):
        assert (
            images.train_images[images.train_labels == label] == value
        ).all()
        assert (images.test_images[images.test_labels == label] == value).all()


def test_orientation_of_photos_is_applied(tmp_path):
    image = Image.new("RGB", (8, 8), "white")
    image.paste("black", (0, 0, 8, 4))  # the upper half
    exif = image.getexif()
    exif[0x0112] = 3  # rotated by 180 degrees
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(2):
            image.save(tmp_path / name / f"{i}.png", exif=exif)
    images = load(tmp_path)
    assert (images.train_images[:, 0] > 200).all()
    assert (images.train_images[:, -1] < 50).all()


def test_folders_of_training_and_test_images(tmp_path, capsys):
    for part, count in (("Train", 3), ("val", 2), ("extra", 1)):
        for name in ("a", "b"):
            for i in range(count):
                paint(tmp_path / part / name / f"{i}.png")
    images = load(tmp_path)
    assert len(images.train_labels) == 6
    assert len(images.test_labels) == 4
    assert "Note: 1 left out" in (note := capsys.readouterr().out)
    assert str(tmp_path / "extra") in note
    paint(tmp_path / "val" / "c" / "1.png")
    assert "In only one of them: c\n" in refusal(tmp_path, capsys)


def test_files_that_are_left_out_are_named(tmp_path, capsys):
    for name in ("a", "b", ".hidden", "__MACOSX"):
        for i in range(3):
            paint(tmp_path / name / f"{i}.png")
    (tmp_path / "a" / "._1.png").write_bytes(b"")
    (tmp_path / "a" / "Thumbs.db").write_bytes(b"")
    (tmp_path / "labels.csv").write_text("a,b")
    (tmp_path / "b" / "notes.txt").write_text("notes")
    whole = (tmp_path / "b" / "0.png").read_bytes()
    (tmp_path / "b" / "cut.png").write_bytes(whole[: len(whole) // 2])
    for i in range(7):
        (tmp_path / "b" / f"empty{i}.jpg").write_bytes(b"")
    images = load(tmp_path)
    assert len(images.train_labels) + len(images.test_labels) == 6
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Note: 2 left out, as they are not images")
    assert "labels.csv" in first
    assert "notes.txt" in first
    assert second.startswith("Note: 8 left out, as they cannot be read")
    assert "cut.png" in second
    assert second.endswith(" and 3 more")


def test_folders_without_classes_are_refused(tmp_path, capsys):
    assert "Received: no folders" in refusal(tmp_path, capsys)
    paint(tmp_path / "a" / "1.png")
    assert "at least two classes. Received: a\n" in refusal(tmp_path, capsys)
    (tmp_path / "b").mkdir()
    assert f"without: {tmp_path / 'b'}\n" in refusal(tmp_path, capsys)
    paint(tmp_path / "b" / "1.png")
    assert "The class a must have at least one" in refusal(tmp_path, capsys)
    for name in "ab":
        paint(tmp_path / name / "2.png")
    assert len(load(tmp_path).test_labels) == 2
    (tmp_path / "b" / "2.png").write_bytes(b"no image")
    assert "Received: 1 and 0\n" in refusal(tmp_path, capsys)


def test_fashion_mnist(monkeypatch, capsys):
    parts = [
        (np.zeros((n, 28, 28), "uint8"), np.zeros(n, "uint8")) for n in (9, 4)
    ]
    dataset = keras.datasets.fashion_mnist
    monkeypatch.setattr(dataset, "load_data", lambda: tuple(parts))
    images = load("fashion_mnist")
    assert images.train_images.shape == (9, 28, 28, 1)
    assert len(images.test_labels) == 4
    monkeypatch.setattr(dataset, "load_data", lambda: 1 / 0)
    assert "cannot be downloaded" in refusal("fashion_mnist", capsys)


def test_batches_are_shuffled_by_the_seed():
    images = _images.load("digits", size=8, test_share=0.2, train=70)
    first, same = (_images.Batches(images, 32, seed=1) for _ in range(2))
    assert len(first) == 2
    assert first[1][0].shape == (32, 8, 8, 1)
    labels = np.concatenate([first[i][1] for i in range(2)])
    assert np.array_equal(first[0][0], same[0][0])
    first.on_epoch_end()
    assert not np.array_equal(
        labels, np.concatenate([first[i][1] for i in range(2)])
    )
    assert len(_images.Batches(images, 100, seed=0)[0][1]) == 70
