"""Which attention? One network, several attention layers, your images.

    pip install ".[jax,examples]" -c constraints.txt
    python examples/compare.py
    python examples/compare.py --attention se eca sge:groups=8 --seeds 5
    python examples/compare.py --attention all
    python examples/compare.py --images FOLDER --size 96 --epochs 30
    python examples/compare.py --data fashion_mnist --blocks 3 --width 16

Trains a small residual network with each attention layer in its blocks, and
without attention, from the same seeds. Layers with filters replace the second
convolution of a block, fusions replace its addition, and others are at the end
of its residual branch. Prints accuracy, number of parameters, multiply-adds and
the time of a training step, plots the accuracy against the costs, and says
which layers differ from no attention by more than two standard errors.

The images are scikit-learn's digits, Fashion-MNIST (which is downloaded), or
those of a folder with a folder for each class: `FOLDER/cat/1.jpg`. Images of a
folder are resized to squares. A fifth of them is for the test, unless there are
folders `FOLDER/train` and `FOLDER/test`.

The network has three stages of `--blocks` residual blocks; with three blocks
and a width of 16 it is ResNet-20.

Results are saved one by one. If you stop the script, the same command goes on
from there. `docs/results.md` has the table of a run. `KERAS_BACKEND` chooses
among the backends that are installed: jax, tensorflow or torch.
"""
# ruff: noqa: E402 (the backend is chosen before Keras is imported)

import argparse
import hashlib
import sys
from typing import Any

import _support

BACKEND = _support.prepare("matplotlib", "sklearn", threads=None)
_support.cache_compilations()

import _backbone
import _compare_picture
import _images
import _progress
import _results
import _table
import _training
import _verdict
import keras

import keras_attention

BATCH_SIZE = 64  # or less for few images: see `batch_size_of`
STEPS_OF_EPOCH = 20
FEW_STEPS = 100
LEARNING_RATE = 3e-3
DEFAULT = ("none", "se", "eca", "cbam", "coord", "simam")
TIMES = "ms/step"
COLUMNS = {
    "accuracy in %": ".2f",
    "parameters": ",d",
    "multiply-adds": ",d",
    TIMES: ".2f",
}


def attention(text: str) -> str:
    """Return `text` if it names an attention layer: a type for `argparse`."""
    if text.lower() in (_backbone.NONE, _backbone.ALL):
        return text.lower()
    try:
        _backbone.make(text, filters=8)
    except (ValueError, TypeError, SyntaxError) as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from error
    return text


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Train a small network with each of several attention "
        "layers, and without, and compare accuracy and cost."
    )
    parser.add_argument(
        "--attention",
        type=attention,
        nargs="+",
        default=DEFAULT,
        metavar="NAME",
        help="names that keras_attention.get accepts, with arguments if needed "
        "(sge:groups=8), or all, for all layers with one input, and none, "
        "which is always a part of the comparison "
        f"(default: {' '.join(DEFAULT)})",
    )
    _images.add_options(parser)
    for name, default, help_ in (
        ("width", 32, "number of filters of the first of three stages"),
        ("blocks", 1, "number of residual blocks of each stage"),
    ):
        parser.add_argument(
            f"--{name}",
            type=_support.positive_integer,
            default=default,
            help=f"{help_} (default: %(default)s)",
        )
    parser.add_argument(
        "--restart",
        action="store_true",
        help="train all anew, also what is finished",
    )
    _support.add_options(parser, epochs=20, output="output/compare")
    return parser.parse_args()


def batch_size_of(images: _images.Images) -> int:
    """Return a batch size by which an epoch of few images has enough steps."""
    wanted = len(images.train_labels) // STEPS_OF_EPOCH
    return min(max(wanted, 8), BATCH_SIZE, len(images.train_labels))


def settings_of(
    images: _images.Images, options: argparse.Namespace
) -> dict[str, Any]:
    """Return all on which the results depend."""
    digest = hashlib.sha256()
    for array in images[:4]:
        digest.update(array.tobytes())
    return {
        "data": options.images or options.data,
        "shape": list(images.train_images.shape),
        "sha256": digest.hexdigest(),
        "width": options.width,
        "blocks": options.blocks,
        "epochs": options.epochs,
        "batch_size": batch_size_of(images),
        "learning_rate": LEARNING_RATE,
        "backend": BACKEND,
        "keras": keras.__version__,
        "keras_attention": keras_attention.__version__,
    }


def train(
    runs: list[tuple[str, int]],
    images: _images.Images,
    options: argparse.Namespace,
    results: _results.Results,
) -> None:
    """Train the networks of these runs, and save each result."""
    progress = _progress.Progress(len(runs) * options.epochs)
    batch_size = batch_size_of(images)
    steps = options.epochs * (len(images.train_labels) // batch_size)
    if runs and steps < FEW_STEPS:
        print(
            f"Note: {steps} training steps are few, also for the statistics of "
            "batch normalization. More --epochs give a better comparison.",
            flush=True,
        )
    shape, classes = images.train_images.shape[1:], len(images.classes)
    for name, seed in runs:
        # The same seed gives all networks the same batches, and the same
        # weights, but for those of the attention. (Not if that replaces
        # convolutions: the weights after it are then others.)
        keras.utils.set_random_seed(seed)
        model = _backbone.build(
            name, shape, classes, options.width, options.blocks
        )
        _training.train(
            model,
            _images.Batches(images, batch_size, seed),
            epochs=options.epochs,
            learning_rate=LEARNING_RATE,
            progress=progress,
            run=f"{name}, seed {seed}",
        )
        wrong = _training.error(model, images.test_images, images.test_labels)
        results.add(name, seed, 100 - wrong)


def compare(options: argparse.Namespace) -> None:
    """Load images, train what is missing, and report all results."""
    names = list(
        dict.fromkeys(
            name
            for text in options.attention
            for name in (
                _backbone.insertable() if text == _backbone.ALL else [text]
            )
        )
    )
    names = names if _backbone.NONE in names else [_backbone.NONE, *names]
    images = _images.chosen(options)
    height, width, channels = shape = images.train_images.shape[1:]
    name = options.images or options.data
    print(
        f"{name}: {len(images.train_labels):,} training images and "
        f"{len(images.test_labels):,} test images, {height} x {width} x "
        f"{channels}, {len(images.classes)} classes",
        flush=True,
    )
    models = _backbone.build_all(
        names,
        shape,
        len(images.classes),
        options.width,
        options.blocks,
    )
    path = options.output / "compare.json"
    try:
        settings = settings_of(images, options)
        results = _results.Results(path, settings, options.restart)
    except ValueError as error:
        _support.fail(str(error))
    runs = [(name, seed) for seed in range(options.seeds) for name in names]
    missing = [run for run in runs if results.get(*run) is None]
    if len(missing) < len(runs):
        print(
            f"{len(runs) - len(missing)} of {len(runs)} runs are finished "
            f"({path}). Runs to train: {len(missing)}.",
            flush=True,
        )
    times = results.get(TIMES, None) or {}
    if not times.keys() >= set(names):
        batches = _images.Batches(images, batch_size_of(images), seed=0)
        times = _training.milliseconds(models, batches[0])
        results.add(TIMES, None, times)
    train(missing, images, options, results)
    rows = {
        name: [
            {
                "accuracy in %": results.get(name, seed),
                "parameters": model.count_params(),
                "multiply-adds": _backbone.multiply_adds(model),
                TIMES: times[name],
            }
            for seed in range(options.seeds)
        ]
        for name, model in models.items()
    }
    report(rows, images, options)


def report(
    rows: dict[str, list[dict[str, Any]]],
    images: _images.Images,
    options: argparse.Namespace,
) -> None:
    """Print the table and the answer, and save the plot."""
    table = _table.markdown("attention", COLUMNS, rows, once=(TIMES,))
    print(
        f"\n{table}\n\n"
        f"{_table.sample(options.seeds, len(images.test_labels))}\n"
        "Multiply-adds: for one image, by the definition of the site's table "
        "of costs.\n"
        f"Time of a training step of {batch_size_of(images)} images: the "
        "median, measured in turns.\n"
        f"Backend: {BACKEND}\n"
    )
    accuracies = {
        name: [run["accuracy in %"] for run in runs]
        for name, runs in rows.items()
    }
    known = all(runs[0]["multiply-adds"] for runs in rows.values())
    measure = "multiply-adds" if known else TIMES
    costs = {name: runs[0][measure] for name, runs in rows.items()}
    print(_verdict.describe(accuracies, costs, measure))
    picture = options.output / "compare.png"
    name = "your images" if options.images else options.data
    title = f"A small residual network with attention, on {name}"
    _compare_picture.plot(picture, title, rows)
    print(f"\npicture: {picture}")


def main() -> None:
    """Compare, and end with a sentence if the script is interrupted."""
    options = parse_options()
    keras.config.set_image_data_format("channels_last")
    print(f"Keras {keras.__version__} on {BACKEND}", flush=True)
    try:
        compare(options)
    except KeyboardInterrupt:
        sys.exit(
            "\nInterrupted. Finished runs are saved: the same command (without "
            "--restart) goes on from there."
        )


if __name__ == "__main__":
    main()
