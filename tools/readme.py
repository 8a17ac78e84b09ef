"""Write the table of layers in the README from the cards of the layers.

    python tools/readme.py

`tests/test_readme.py` fails if the table in the README is another one.
"""

import inspect
import re
from pathlib import Path

import keras

from keras_attention import _cards
from keras_attention._base.card import paper_link

README = Path(__file__).parents[1] / "README.md"
MARKERS = "<!-- layers: written by tools/readme.py -->", "<!-- end -->"
SHAPES = {
    "channel": "(B, 1, 1, C)",
    "spatial": "(B, H, W, 1)",
    "mixed": "(B, H, W, C)",
    "grouped": "(B, H, W, groups)",
    "rows": "(B, H, 1, C)",
    "columns": "(B, 1, W, C)",
    "position pairs": "(B, H * W, H * W)",
    "column pairs": "(B, H, W, H)",
    "row pairs": "(B, H, W, W)",
    "channel pairs": "(B, C, C)",
    "units": "(B, H * W, units)",
    "locations": "locations, (B, Q, heads, levels, points, 2)",
    "location weights": "(B, Q, heads, levels, points)",
    "branches": "(B, branches, C)",
    "fusion": "(B, H, W, C), of `x`",
    "grid": "grid, (B, H', W', 2)",
    "pixel offsets": "offsets, (B, H, W, C, 2)",
    "glimpses": "`locations(images)`: (B, glimpses, 2)",
}


def table() -> str:
    """Return the table, in Markdown."""
    lines = [
        "| layer | operation | attention (channels last) | paper |",
        "|---|---|---|---|",
    ]
    for name, cls in _cards.layers().items():
        call = f"`{name}({', '.join(_arguments(cls))})`"
        if issubclass(cls, keras.Model):
            call += ", a model"
        papers = ", ".join(map(paper_link, cls.card.papers))
        cells = (call, cls.card.operation, _attention(cls.card), papers or "-")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _arguments(cls: type) -> list[str]:
    """Return the arguments that may be positional, with their defaults."""
    _, *parameters = inspect.signature(cls.__init__).parameters.values()
    return [
        name.name
        if name.default is name.empty
        else f'{name.name}="{name.default}"'
        if isinstance(name.default, str)
        else f"{name.name}={name.default}"
        for name in parameters
        if name.kind is name.POSITIONAL_OR_KEYWORD
    ]


def _attention(card) -> str:
    """Return the shape of the attention, or the keys of a dictionary."""
    if card.attention is None:
        return "that of `layer`" if "(layer)" in card.call else "none"
    if isinstance(card.attention, str):
        return SHAPES.get(card.attention, card.attention)
    *others, last = (f"`{key}`" for key in card.attention)
    keys = f"{', '.join(others)} and {last}" if others else last
    return f"a dictionary of {keys}"


def updated(text: str) -> str:
    """Return the text of the README with the table of today."""
    start, end = map(re.escape, MARKERS)
    return re.sub(
        f"(?s)({start}\n).*?(\n{end})",
        lambda match: f"{match[1]}\n{table()}\n{match[2]}",
        text,
    )


if __name__ == "__main__":
    README.write_text(updated(README.read_text("utf-8")), "utf-8")
