"""The recurrent attention model with published weights."""

import argparse
import time
from pathlib import Path

import _glimpses_picture
import _published
import _support
import _table
import keras
import numpy as np

import keras_attention

SOURCE = (
    "ckpt/ram_6_8x8_2_model_best.pth.tar of the repository "
    "kevinzakka/recurrent-visual-attention (MIT license)."
)
# As that network was trained: the mean and standard deviation of pixels.
MEAN, STDDEV = 0.1307, 0.3081
ARGUMENTS = {
    "num_classes": 10,
    "locator_units": 0,
    "location_stddev": 0.17,
    "data_format": "channels_last",
}
ROLLOUTS = 10
PAPER = 1.29  # per cent, in the first version of the paper
# The optimizer of the paper. The learning rate was not tuned.
BATCH_SIZE, LEARNING_RATE, MOMENTUM = 20, 0.01, 0.9


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = _published.parser(
        "ram", "Read digits by glimpses, with published weights.", SOURCE
    )
    parser.add_argument(
        "--digits",
        type=Path,
        metavar="NPZ",
        help="digits of 28 x 28 pixels: arrays x, from 0 to 255, and y "
        "(default: the test digits of MNIST, which Keras downloads)",
    )
    parser.add_argument(
        "--count",
        type=_support.positive_integer,
        default=2000,
        help="how many digits to read, in a random order (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--train",
        type=_support.positive_integer,
        metavar="EPOCHS",
        help="also train a network on the other digits, with the optimizer of "
        "the paper",
    )
    return parser.parse_args(arguments)


def load_digits(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Return digits, from 0 to 1, and their classes, in a random order."""
    if options.digits:
        with np.load(options.digits) as file:
            images, labels = file["x"], file["y"]
    elif options.file:
        _, (images, labels) = keras.datasets.mnist.load_data()
    else:
        rng = np.random.default_rng(0)
        images = rng.uniform(0, 255, (20, 28, 28))
        labels = np.arange(20) % 10
    order = np.random.default_rng(0).permutation(len(images))
    images = images[order, ..., None] / 255
    return images.astype("float32"), labels[order].astype("int32")


def normalize(images: np.ndarray) -> np.ndarray:
    """Return images as the network was trained with."""
    return (images - MEAN) / STDDEV


def build(**kwargs) -> keras_attention.RecurrentAttention:
    """Return a network of the published size."""
    model = keras_attention.RecurrentAttention(**ARGUMENTS, **kwargs)
    model.build((None, 28, 28, 1))
    return model


def load(file: Path | None) -> keras_attention.RecurrentAttention:
    """Return the network with published or random weights."""
    model = build()
    weights = file
    if file is None:
        exported = keras_attention.export_reference_weights(
            model, "recurrent-visual-attention"
        )
        weights = {
            name: _published.make_weight(name, array.shape)
            for name, array in exported.items()
        }
    keras_attention.load_reference_weights(model, weights)
    return model


def errors(
    source: keras_attention.RecurrentAttention,
    images: np.ndarray,
    labels: np.ndarray,
) -> dict[str, float]:
    """Return the errors in per cent of ways to predict with these weights."""
    ways = {
        "means, from the center": {},
        "means, from a random location": {"start": "uniform", "seed": 0},
        f"{ROLLOUTS} sampled rollouts": {
            "monte_carlo_samples": ROLLOUTS,
            "seed": 0,
        },
    }
    found = {}
    for name, kwargs in ways.items():
        model = build(**kwargs)
        model.set_weights(source.get_weights())
        scores = model.predict(normalize(images), batch_size=500, verbose=0)
        found[name] = 100 * float(np.mean(scores.argmax(-1) != labels))
    return found


def train(
    images: np.ndarray, labels: np.ndarray, epochs: int
) -> keras_attention.RecurrentAttention:
    """Return a network that is trained on digits."""
    keras.utils.set_random_seed(0)
    model = build(seed=0)
    steps = epochs * -(-len(images) // BATCH_SIZE)
    rate = keras.optimizers.schedules.PolynomialDecay(LEARNING_RATE, steps, 0.0)
    model.compile(
        keras.optimizers.SGD(rate, momentum=MOMENTUM),
        "sparse_categorical_crossentropy",
    )
    model.fit(
        normalize(images),
        labels,
        batch_size=BATCH_SIZE,
        epochs=epochs,
        verbose=0,
    )
    return model


def main(arguments: list[str], backend: str) -> None:
    """Load the weights, print the errors and plot the glimpses."""
    options = parse(arguments)
    try:
        model = load(options.file)
        images, labels = load_digits(options)
    except (KeyError, OSError, ValueError) as error:
        _support.fail(str(error))
    shown = images[: options.count], labels[: options.count]
    title = options.file.name if options.file else "random weights"
    print(f"RecurrentAttention with {title} on {backend}\n", flush=True)
    rows = {
        f"published, {way}": [{"error in %": error}]
        for way, error in errors(model, *shown).items()
    }
    if options.train:
        others = images[options.count :], labels[options.count :]
        start = time.perf_counter()
        trained = train(*others, options.train)
        minutes = (time.perf_counter() - start) / 60
        rows |= {
            f"trained here, {way}": [{"error in %": error}]
            for way, error in errors(trained, *shown).items()
        }
    rows["paper, 60,000 training digits"] = [{"error in %": PAPER}]
    print(_table.markdown("weights, prediction", {"error in %": ".2f"}, rows))
    print(f"\n{len(shown[0]):,} digits")
    if options.train:
        print(
            f"trained here: {options.train} epochs of {len(others[0]):,} other "
            f"digits, {minutes:.1f} minutes"
        )
    scores = model.predict(normalize(images[:1]), verbose=0)[0]
    print(f"scores of the first: {' '.join(f'{s:.4f}' for s in scores)}")
    path = options.output / "published_ram.png"
    _glimpses_picture.plot(
        path, model, *shown, preprocess=normalize, which="MNIST digits"
    )
    print(f"\npicture: {path}")
