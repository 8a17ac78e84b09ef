"""The training loss of a model that samples locations."""

import keras
import numpy as np

from autodiff import loss_gradients
from autodiff import role
from contract.case import to_numpy
from contract.selection import for_cases
from references.hard import recurrent_loss


@for_cases(lambda case: case.samples_locations)
def test_training_loss_has_the_gradients_of_the_reference(case):
    """The gradients of all terms equal the reference, for the same samples."""
    model = case.generic(
        seed=9,
        location_stddev=0.2,
        reinforce_weight=0.1,
        kernel_regularizer=None,
    )
    images = case.inputs()[0]
    rng = np.random.default_rng(3)
    labels = rng.integers(0, model.num_classes, len(images))
    model.compile("sgd", "sparse_categorical_crossentropy")
    gradients = loss_gradients(
        model, *map(keras.ops.convert_to_tensor, (images, labels))
    )
    runs = [
        np.repeat(a, model.monte_carlo_samples, 0) for a in (images, labels)
    ]
    samples = random_numbers(model, len(runs[0]))
    frozen = {role(w): to_numpy(w).astype("float64") for w in model.weights}
    # Small, as the loss has kinks: ReLUs and the borders of pixels.
    step = 1e-7
    for name, gradient in gradients.items():
        v = rng.normal(size=gradient.shape)
        ahead, behind = (
            recurrent_loss(
                model,
                {**frozen, name: frozen[name] + sign * step * v},
                frozen,
                *runs,
                samples,
            )
            for sign in (1, -1)
        )
        expected = (ahead - behind) / (2 * step)
        scale = np.linalg.norm(gradient) * np.linalg.norm(v)
        assert scale > 0, name
        assert abs((gradient * v).sum() - expected) <= 1e-4 * scale, name


def random_numbers(model, runs):
    """Return the random numbers of a new model: first locations, then steps."""
    seed = keras.random.SeedGenerator(model.seed)
    first = keras.random.uniform((runs, 2), -1, 1, seed=seed)
    steps = [
        keras.random.normal((runs, 2), seed=seed)
        for _ in range(model.num_glimpses)
    ]
    return [to_numpy(sample).astype("float64") for sample in (first, *steps)]
