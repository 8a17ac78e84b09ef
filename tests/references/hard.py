"""Looking here and there."""

import numpy as np

from references.maths import dense
from references.maths import part


def glimpses(layer, images, locations):
    """Pixel by pixel, as the sum over a tile says."""
    batch, height, width, channels = images.shape
    g = layer.glimpse_size
    result = np.zeros((batch, layer.num_scales, g, g, channels))
    for b, k, i, j in np.ndindex(batch, layer.num_scales, g, g):
        f = layer.scale_factor**k
        x, y = locations[b]
        top = int(np.floor(height * (y + 1) / 2)) - f * g // 2 + f * i
        left = int(np.floor(width * (x + 1) / 2)) - f * g // 2 + f * j
        for row in range(max(top, 0), min(top + f, height)):
            for column in range(max(left, 0), min(left + f, width)):
                result[b, k, i, j] += images[b, row, column] / f**2
    return result


def glimpse_sensor(layer, weights, images, locations):
    return glimpses(layer, images, locations), None


def glimpse_network(layer, weights, images, locations):
    seen = glimpses(layer, images, locations).reshape(len(images), -1)
    what = relu(dense(weights, "glimpse_hidden", seen))
    where = relu(dense(weights, "location_hidden", locations))
    both = dense(weights, "glimpse_out", what)
    return relu(both + dense(weights, "location_out", where)), None


def relu(x):
    return np.maximum(x, 0)


def recurrent_attention(layer, weights, images):
    """The run that follows the means, and the places it looks at."""
    path = [np.zeros((len(images), 2))]
    for _ in range(layer.num_glimpses):
        state = states(layer, weights, images, path)[-1]
        path.append(mean_place(weights, state))
    return classes(weights, state), np.stack(path[:-1], 1)


def recurrent_loss(layer, weights, frozen, images, labels, draws):
    """The training loss of runs with given draws, as its terms train.

    The path, what a run is rewarded for, and what the locator and the baseline
    are shown are not to be moved by the loss: they are those of other weights,
    the `frozen`. Returned is the sum of all terms.
    """
    path, places = [np.clip(draws[0], -1, 1)], []
    for draw in draws[1:]:
        shown = states(layer, frozen, images, path)
        step = layer.location_stddev * draw
        places.append(mean_place(frozen, shown[-1]) + step)
        path.append(np.clip(places[-1], -1, 1))
    run = np.arange(len(labels))
    predicted = classes(weights, states(layer, weights, images, path[:-1])[-1])
    reward = classes(frozen, shown[-1]).argmax(-1) == labels
    loss = -np.log(predicted[run, labels])
    for place, state in zip(places, shown, strict=True):
        variance = layer.location_stddev**2
        distance = ((place - mean_place(weights, state)) ** 2).sum(-1)
        likely = -distance / (2 * variance) - np.log(2 * np.pi * variance)
        advantage = reward - dense(frozen, "baseline", state)[:, 0]
        loss = loss - layer.reinforce_weight * advantage * likely
        error = reward - dense(weights, "baseline", state)[:, 0]
        loss = loss + error**2 / layer.num_glimpses
    return loss.mean()


def states(layer, weights, images, path):
    """What is remembered after each glimpse of a path."""
    found = [np.zeros((len(images), layer.units))]
    for place in path:
        seen, _ = glimpse_network(
            layer, part(weights, "glimpse"), images, place
        )
        found.append(
            relu(
                dense(weights, "core_input", seen)
                + dense(weights, "core_state", found[-1])
            )
        )
    return found[1:]


def mean_place(weights, state):
    hidden = relu(dense(weights, "locator_hidden", state))
    return np.tanh(dense(weights, "locator", hidden))


def classes(weights, state):
    scores = np.exp(dense(weights, "classifier", state))
    return scores / scores.sum(axis=-1, keepdims=True)


REFERENCES = {
    "GlimpseSensor": glimpse_sensor,
    "GlimpseNetwork": glimpse_network,
    "RecurrentAttention": recurrent_attention,
}
