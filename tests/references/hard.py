"""Reference implementations of hard attention."""

import numpy as np

from references.maths import dense
from references.maths import part


def glimpses(layer, images, locations):
    """Return glimpses, computed pixel by pixel."""
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
    glimpse = glimpses(layer, images, locations).reshape(len(images), -1)
    what = relu(dense(weights, "glimpse_hidden", glimpse))
    where = relu(dense(weights, "location_hidden", locations))
    both = dense(weights, "glimpse_out", what)
    return relu(both + dense(weights, "location_out", where)), None


def relu(x):
    return np.maximum(x, 0)


def recurrent_attention(layer, weights, images):
    """Return the probabilities and locations of the deterministic rollout."""
    path = [np.zeros((len(images), 2))]
    for _ in range(layer.num_glimpses):
        state = states(layer, weights, images, path)[-1]
        path.append(mean_location(weights, state))
    return classes(weights, state), np.stack(path[:-1], 1)


def recurrent_loss(layer, weights, frozen, images, labels, samples):
    """Return the training loss of rollouts with given random numbers.

    The path, the reward, and the inputs of locator and baseline are constants:
    they are computed with the weights `frozen`. The result is the sum of all
    terms.
    """
    path, locations = [np.clip(samples[0], -1, 1)], []
    for sample in samples[1:]:
        path_states = states(layer, frozen, images, path)
        step = layer.location_stddev * sample
        locations.append(mean_location(frozen, path_states[-1]) + step)
        path.append(np.clip(locations[-1], -1, 1))
    index = np.arange(len(labels))
    predicted = classes(weights, states(layer, weights, images, path[:-1])[-1])
    reward = classes(frozen, path_states[-1]).argmax(-1) == labels
    loss = -np.log(predicted[index, labels])
    for location, state in zip(locations, path_states, strict=True):
        variance = layer.location_stddev**2
        distance = ((location - mean_location(weights, state)) ** 2).sum(-1)
        log_probability = -distance / (2 * variance) - np.log(
            2 * np.pi * variance
        )
        advantage = reward - dense(frozen, "baseline", state)[:, 0]
        loss = loss - layer.reinforce_weight * advantage * log_probability
        error = reward - dense(weights, "baseline", state)[:, 0]
        loss = loss + error**2 / layer.num_glimpses
    return loss.mean()


def states(layer, weights, images, path):
    """Return the state after each glimpse of a path."""
    found = [np.zeros((len(images), layer.units))]
    for location in path:
        glimpse, _ = glimpse_network(
            layer, part(weights, "glimpse"), images, location
        )
        found.append(
            relu(
                dense(weights, "core_input", glimpse)
                + dense(weights, "core_state", found[-1])
            )
        )
    return found[1:]


def mean_location(weights, state):
    if "locator_hidden/kernel" in weights:
        state = relu(dense(weights, "locator_hidden", state))
    return np.tanh(dense(weights, "locator", state))


def classes(weights, state):
    scores = np.exp(dense(weights, "classifier", state))
    return scores / scores.sum(axis=-1, keepdims=True)


REFERENCES = {
    "GlimpseSensor": glimpse_sensor,
    "GlimpseNetwork": glimpse_network,
    "RecurrentAttention": recurrent_attention,
}
