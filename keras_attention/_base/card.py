"""`Card`, the description of a layer that tables and tools read."""

import dataclasses
from collections.abc import Mapping
from typing import Any
from typing import ClassVar
from typing import Literal
from typing import get_args

# What attention, or an entry of a dictionary of attention, is. The kind decides
# how it is plotted, and for the first three its shape and use.
Kind = Literal[
    "channel",  # a gate of each channel: (B, 1, 1, C)
    "spatial",  # a gate of each position: (B, H, W, 1)
    "mixed",  # a gate of each value: (B, H, W, C)
    "grouped",  # a gate of each position and group: (B, H, W, groups)
    "rows",  # a gate of each row and channel: (B, H, 1, C)
    "columns",  # a gate of each column and channel: (B, 1, W, C)
    "branches",  # weights of branches: (B, branches, C)
    # For each position, weights of all positions: (B, H * W, H' * W').
    "position pairs",
    # For each position, weights of those in its column: (B, H, W, H).
    "column pairs",
    # For each position, weights of those in its row: (B, H, W, W).
    "row pairs",
    "channel pairs",  # for each channel, weights of all channels: (B, C, C)
    "units",  # weights of units at each position: (B, H * W, units)
    "fusion",  # the weight of the first of two maps: (B, H, W, C)
    "grid",  # sampling locations of a map: (B, H', W', 2)
    "pixel offsets",  # of each value: (B, H, W, C, 2)
    "kernel offsets",  # of each tap of a kernel: (B, H', W', 2 * taps)
    "kernel weights",  # of each tap of a kernel: (B, H', W', taps)
    # Of each group and point, (x, y): (B, H', W', 2 * groups * points).
    "group offsets",
    "group weights",  # of each group and point: (B, H', W', groups * points)
    # For each query, points of maps: (B, queries, heads, levels, points, 2).
    "locations",
    "location weights",  # of each point: (B, queries, heads, levels, points)
    "glimpses",  # locations of glimpses: (B, glimpses, 2)
    "saliency",  # of each position: (B, H, W)
    "positions",  # rows and columns of patches: (B, patches, 2)
]
# Kinds of gates, by which a layer multiplies its input.
GATES = ("channel", "spatial", "mixed", "grouped", "rows", "columns")


@dataclasses.dataclass(frozen=True)
class Card:
    """What a layer does, what its attention is, and what it costs.

    The class attribute `card` of a layer. `plot_attention` plots a dictionary
    of attention by the kinds on the card of its layer.

    Args:
        operation: What the layer does, as a verb phrase.
        insertion: Where the layer is usually inserted in a network.
        limits: When not to use the layer, in sentences.
        papers: The arXiv numbers of its papers, the main one first, or the
            addresses of those that are not there.
        attention: The kind of its attention, or of each entry by key; `None`
            if the layer has none of its own.
        short_names: Names of papers and other libraries for the layer, which
            `keras_attention.get` accepts.
        short_forms: Names for the layer with certain arguments, with these.
        call: How the layer is made in the table of costs, with the symbols
            below. `C`, `H` and `W` are the sizes of the input, `F` is a number
            of filters.
        parameters: Number of trainable parameters, a Python expression.
        multiply_adds: Multiply-adds for one image, a Python expression.
        symbols: The values of the other symbols, in order.
        gain: What a paper, or its authors' code, reports.
        layouts: The layouts of published weights that can be loaded.

    Raises:
        ValueError: If a kind of attention is not one of `Card.KINDS`.

    Example:

    >>> class RowsAndPositions(keras.layers.Layer):
    ...     card = keras_attention.Card(
    ...         operation="scales channels, and positions",
    ...         insertion="after a convolution",
    ...         attention={"of_channels": "channel", "of_positions": "spatial"},
    ...     )
    >>> keras_attention.CBAM.card.attention
    {'channel': 'channel', 'spatial': 'spatial'}
    """

    KINDS: ClassVar[tuple[str, ...]] = get_args(Kind)

    operation: str
    insertion: str
    limits: str = ""
    papers: tuple[str, ...] = ()
    attention: Kind | Mapping[str, Kind] | None = None
    short_names: tuple[str, ...] = ()
    short_forms: Mapping[str, Mapping[str, Any]] = dataclasses.field(
        default_factory=dict
    )
    call: str = ""
    parameters: str = ""
    multiply_adds: str = ""
    symbols: Mapping[str, str] = dataclasses.field(default_factory=dict)
    gain: str = ""
    layouts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = set(self.kinds) - set(self.KINDS)
        if unknown:
            raise ValueError(
                "The kinds of `attention` must be among "
                f"{', '.join(self.KINDS)}. "
                f"Received: attention={self.attention!r}"
            )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of all entries of the attention."""
        if self.attention is None:
            return ()
        if isinstance(self.attention, str):
            return (self.attention,)
        return tuple(self.attention.values())

    @property
    def is_gate(self) -> bool:
        """Whether the layer multiplies its input by gates."""
        return bool(self.kinds) and set(self.kinds) <= set(GATES)


def paper_link(paper: str) -> str:
    """Return a link to a paper of a card, in Markdown."""
    if paper.startswith("https://"):
        return f"[paper]({paper})"
    return f"[{paper}](https://arxiv.org/abs/{paper})"


def card_of(layer: object) -> Card | None:
    """Return the card of a layer or of its class, if there is one."""
    card = getattr(layer, "card", None)
    return card if isinstance(card, Card) else None
