"""Looking here and there."""

import numpy as np

from twins.maths import dense
from twins.maths import part


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
    place = np.zeros((len(images), 2))
    state = np.zeros((len(images), layer.units))
    places = []
    for _ in range(layer.num_glimpses):
        places.append(place)
        seen, _ = glimpse_network(
            layer, part(weights, "glimpse"), images, place
        )
        state = relu(
            dense(weights, "core_input", seen)
            + dense(weights, "core_state", state)
        )
        hidden = relu(dense(weights, "locator_hidden", state))
        place = np.tanh(dense(weights, "locator", hidden))
    classes = np.exp(dense(weights, "classifier", state))
    return classes / classes.sum(axis=-1, keepdims=True), np.stack(places, 1)


TWINS = {
    "GlimpseSensor": glimpse_sensor,
    "GlimpseNetwork": glimpse_network,
    "RecurrentAttention": recurrent_attention,
}
