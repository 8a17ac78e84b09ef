"""Recurrent model of visual attention (Mnih et al., 2014)."""

from typing import Unpack

import keras
from keras import ops

from keras_attention._base.card import Card
from keras_attention._base.kernel_layer import KernelLayer
from keras_attention._base.options import LayerOptions
from keras_attention._utils import validation
from keras_attention._utils.types import Initializer
from keras_attention._utils.types import Regularizer
from keras_attention.hard._retina import retina
from keras_attention.hard._rollout import Rollout
from keras_attention.hard._rollout import StepCache
from keras_attention.hard._rollout import log_probability
from keras_attention.hard._rollout import reinforce_loss
from keras_attention.hard._seeded import Seeded
from keras_attention.hard.glimpse_network import GlimpseNetwork
from keras_attention.ops import elementwise
from keras_attention.ops import reductions
from keras_attention.ops import reshaping

# First locations of rollouts that follow the means.
STARTS = ("center", "uniform")


@keras.saving.register_keras_serializable(package="keras_attention")
class RecurrentAttention(Seeded, KernelLayer, keras.Model):
    r"""Recurrent attention model (RAM), which classifies images by glimpses.

    .. math::

        h_t &= \mathrm{relu}(U h_{t-1} + V g(x, l_t)), \qquad
        \mu_t = \tanh(A_2\, \mathrm{relu}(A_1 h_t)), \qquad
        l_{t+1} \sim \mathcal N(\mu_t, \sigma^2), \qquad
        p = \mathrm{softmax}(C h_T)

        L &= -\log p_y + \frac{1}{T} \sum_t (r - b_t)^2
        - \lambda \sum_t (r - b_t) \log \mathcal N(l_{t+1}; \mu_t, \sigma^2),
        \qquad b_t = B h_t

    where :math:`g` is `keras_attention.GlimpseNetwork`, :math:`h_0 = 0`, and
    the reward :math:`r` is 1 if the prediction is correct and 0 otherwise
    (biases are omitted). Each term of the loss trains separate weights: the
    cross-entropy trains :math:`U`, :math:`V`, :math:`C` and :math:`g`, the
    squared error only the baseline :math:`B`, and REINFORCE only the locator
    :math:`A_1`, :math:`A_2`.

    It trains with `compile` and `fit` like any classifier; the loss given to
    `compile` is the first term. In training locations are sampled, the
    first uniformly from the whole image. Prediction with one Monte Carlo sample
    follows the means. It starts at the center, and is deterministic, unless
    `start="uniform"`.

    Args:
        num_classes: Number of classes.
        units: Length of :math:`h_t` and :math:`g`.
        num_glimpses: Number :math:`T` of glimpses.
        location_stddev: Standard deviation :math:`\sigma` of the locations.
        monte_carlo_samples: Number of rollouts for each image. The loss is
            their mean, and the prediction the mean of their probabilities: with
            more than one, locations are sampled in prediction too.
        reinforce_weight: Weight :math:`\lambda` of REINFORCE, at least 0.
        glimpse_units: Hidden units of :math:`g` for the pixels.
        location_units: Hidden units of :math:`g` for the location.
        locator_units: Hidden units of the locator, rows of :math:`A_1`: `None`
            for half of `units`, 0 for a linear locator, as in the paper:
            :math:`\mu_t = \tanh(A_2 h_t)`.
        start: First location of a rollout that follows the means: `"center"`,
            or `"uniform"` for one that is sampled from the whole image, as in
            training. (`"centre"` is accepted, too.)
        glimpse_size: Side of a glimpse in pixels.
        num_scales: Number of squares around a location.
        scale_factor: Integer: ratio of the sides of consecutive squares.
        seed: Seed of the random locations, a non-negative integer. With `None`
            it is derived from `keras.utils.set_random_seed` if that was called,
            and is random otherwise.
        kernel_initializer: Initializer of all kernels.
        kernel_regularizer: Regularizer of all kernels.
        data_format: `"channels_last"`, `"channels_first"`, or `None` for
            `keras.config.image_data_format()`.
        **kwargs: Keyword arguments of `keras.Model`, such as `name`.

    Call arguments:
        images: Tensor of rank 4. The number of channels must be known.
        training: Whether locations are sampled.

    Input shape:
        `(batch, height, width, channels)` if `data_format="channels_last"`,
        `(batch, channels, height, width)` if `data_format="channels_first"`.

    Output shape:
        `(batch, num_classes)`, probabilities.

    Raises:
        ValueError: If an argument is not as described above, or if the input
            has another rank or an unknown number of channels.

    Example:

    >>> model = keras_attention.RecurrentAttention(10, num_glimpses=3)
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> images = np.zeros((4, 28, 28, 1), "float32")
    >>> history = model.fit(images, np.arange(4), verbose=0)
    >>> model.predict(images, verbose=0).shape
    (4, 10)
    >>> tuple(model.locations(images).shape)
    (4, 3, 2)

    Reference:
        `Recurrent Models of Visual Attention
        <https://arxiv.org/abs/1406.6247>`_, sections 3 and 4.

    Note:
        As in the common PyTorch implementation, the locator has a hidden layer
        and a tanh, where the paper has a linear map; with `locator_units=0` it
        has only the tanh, as in older checkpoints. Locations are clipped to
        the image after their probability is computed. A last location is
        sampled and rewarded, although no glimpse is taken there.
    """

    card = Card(
        operation=(
            "classifies images from a few glimpses at locations that it selects"
        ),
        insertion="this is a whole model",
        limits=(
            "Training is by REINFORCE, which is noisy and takes many epochs. "
            "For small images, an ordinary network is better and faster."
        ),
        papers=("1406.6247",),
        attention="glimpses",
        short_names=("ram",),
        call="RecurrentAttention(10)",
        parameters=(
            "a * g**2 * C + 2 * u * a + 5 * u**2 / 2 + 4 * a + 33 * u / 2 + 13"
        ),
        multiply_adds=(
            "T * (a * g**2 * C + 2 * a + 2 * u * a + 5 * u**2 / 2 + 2 * u) "
            "+ 10 * u"
        ),
        symbols={"g": "8", "a": "128", "u": "256", "T": "6"},
        gain=(
            "error on cluttered MNIST of 60 pixels 8.09 (a convolutional "
            "network) → 4.04 (8 glimpses)"
        ),
        layouts=("recurrent-visual-attention",),
    )

    def __init__(
        self,
        num_classes: int,
        *,
        units: int = 256,
        num_glimpses: int = 6,
        location_stddev: float = 0.05,
        monte_carlo_samples: int = 1,
        reinforce_weight: float = 0.01,
        glimpse_units: int = 128,
        location_units: int = 128,
        locator_units: int | None = None,
        start: str = "center",
        glimpse_size: int = 8,
        num_scales: int = 1,
        scale_factor: int = 2,
        seed: int | None = None,
        kernel_initializer: Initializer = "glorot_uniform",
        kernel_regularizer: Regularizer = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            seed=seed,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            data_format=data_format,
            **kwargs,
        )
        # Half precision cannot represent every pixel location of an image.
        self.autocast = False
        self.glimpse_size = validation.positive_integer(
            "glimpse_size", glimpse_size
        )
        self.num_scales = validation.positive_integer("num_scales", num_scales)
        self.scale_factor = validation.positive_integer(
            "scale_factor", scale_factor
        )
        whole = validation.positive_integer
        positive = validation.positive_number
        self.num_classes = whole("num_classes", num_classes)
        self.units = whole("units", units)
        self.num_glimpses = whole("num_glimpses", num_glimpses)
        self.location_stddev = positive("location_stddev", location_stddev)
        self.monte_carlo_samples = whole(
            "monte_carlo_samples", monte_carlo_samples
        )
        self.reinforce_weight = validation.non_negative_number(
            "reinforce_weight", reinforce_weight
        )
        self.glimpse_units = whole("glimpse_units", glimpse_units)
        self.location_units = whole("location_units", location_units)
        self.locator_units = validation.optional_non_negative_integer(
            "locator_units", locator_units
        )
        spelled = "center" if start == "centre" else start
        self.start = validation.one_of("start", spelled, STARTS)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self._step_cache = StepCache()

    def build(self, images_shape):
        self._channels(images_shape)
        self.glimpse = GlimpseNetwork(
            self.units,
            glimpse_units=self.glimpse_units,
            location_units=self.location_units,
            kernel_initializer=self._new_initializer(),
            kernel_regularizer=self.kernel_regularizer,
            name="glimpse",
            **retina(self),
        )
        self.glimpse.build(images_shape, (images_shape[0], 2))
        self.core_input = self._dense("core_input", self.units, self.units)
        self.core_state = self._dense("core_state", self.units, self.units)
        hidden = self.locator_units
        if hidden is None:
            hidden = max(1, self.units // 2)
        self.locator_hidden = (
            self._dense("locator_hidden", hidden, self.units)
            if hidden
            else None
        )
        self.locator = self._dense("locator", 2, hidden or self.units)
        self.classifier = self._dense(
            "classifier", self.num_classes, self.units
        )
        self.baseline = self._dense("baseline", 1, self.units)

    def call(self, images, training=None):
        if not training and self.monte_carlo_samples == 1:
            probabilities = self._rollout(images, sampled=False).probabilities
        else:
            rollout = self._rollout(self._repeated(images), sampled=True)
            shape = (-1, self.monte_carlo_samples, self.num_classes)
            probabilities = reshaping.reshape(rollout.probabilities, shape)
            probabilities = reductions.upcast_mean(probabilities, (1,))
        outputs = ops.cast(probabilities, self.compute_dtype)
        if training:
            self._step_cache.store(outputs, rollout)
        return outputs

    def locations(self, images):
        """Return the locations of the glimpses, `(batch, num_glimpses, 2)`.

        Locations are (x, y) between -1 and 1. They are those of the
        rollout that follows the means. With `start="uniform"` each call samples
        new first locations.
        """
        images = ops.convert_to_tensor(images)
        if not self.built:
            self.build(images.shape)
        return self._rollout(images, sampled=False).locations

    def compute_loss(
        self,
        x=None,
        y=None,
        y_pred=None,
        sample_weight=None,
        training=True,
    ):
        """Return the loss, in training that of sampled rollouts.

        If `fit` calls this method, the rollouts are those that produced
        `y_pred`. Otherwise new rollouts are sampled.
        """
        if not training:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        if y is None:
            raise ValueError(
                "`y` must be labels, as the right class is rewarded. "
                "Received: y=None"
            )
        rollout = self._step_cache.take(y_pred)
        if rollout is None:
            rollout = self._rollout(self._repeated(x), sampled=True)
        y = keras.tree.map_structure(self._repeated, y)
        if sample_weight is not None:
            sample_weight = self._repeated(sample_weight)
        cross_entropy = super().compute_loss(
            x, y, rollout.probabilities, sample_weight, training
        )
        loss = reinforce_loss(rollout, y, self.reinforce_weight, sample_weight)
        return cross_entropy + ops.cast(loss, cross_entropy.dtype)

    def train_step(self, *args, **kwargs):
        # The arguments depend on the backend.
        with self._step_cache:
            return super().train_step(*args, **kwargs)

    def compute_output_shape(self, images_shape):
        return (images_shape[0], self.num_classes)

    def _rollout(self, images, *, sampled: bool) -> Rollout:
        """Compute the rollout of each image, with sampled or mean locations."""
        batch = reshaping.shape(images)[0]
        # Half precision cannot represent every pixel location of an image.
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        location = ops.zeros((batch, 2), dtype=dtype)
        if sampled or self.start == "uniform":
            location = keras.random.uniform(
                (batch, 2), -1, 1, dtype=dtype, seed=self.seed_generator
            )
        state = ops.zeros((batch, self.units), dtype=self.compute_dtype)
        locations, baselines, log_probabilities = [], [], []
        for _ in range(self.num_glimpses):
            locations.append(location)
            glimpse = self.glimpse(images, location)
            state = ops.relu(self.core_input(glimpse) + self.core_state(state))
            # Only the cross-entropy trains the glimpses and the state.
            features = ops.stop_gradient(state)
            hidden = features
            if self.locator_hidden is not None:
                hidden = ops.relu(self.locator_hidden(features))
            # tanh(z) = 2 sigmoid(2 z) - 1. On JAX `ops.tanh` narrows float64.
            mean = (
                2
                * elementwise.sigmoid(2 * ops.cast(self.locator(hidden), dtype))
                - 1
            )
            baselines.append(ops.cast(self.baseline(features), dtype))
            point = mean
            if sampled:
                point = mean + self.location_stddev * keras.random.normal(
                    (batch, 2), dtype=dtype, seed=self.seed_generator
                )
            # A sampled point is constant, not a function of the mean.
            point = ops.stop_gradient(point)
            log_probabilities.append(
                log_probability(point, mean, self.location_stddev)
            )
            location = ops.clip(point, -1, 1)
        return Rollout(
            probabilities=ops.softmax(ops.cast(self.classifier(state), dtype)),
            locations=ops.stack(locations, axis=1),
            baselines=ops.concatenate(baselines, axis=1),
            log_probabilities=ops.stack(log_probabilities, axis=1),
        )

    def _repeated(self, x):
        """Repeat each sample, once for each of its rollouts."""
        return ops.repeat(x, self.monte_carlo_samples, axis=0)
