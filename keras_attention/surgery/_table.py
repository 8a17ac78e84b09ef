"""Table of the changes to a model, as text."""

from collections.abc import Sequence
from typing import Any


def text(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table whose last column is numbers, with their sum below."""
    total = sum(row[-1] for row in rows)
    cells = [header, *([*row[:-1], f"{row[-1]:,}"] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if i == len(row) - 1 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    rule = "  ".join("-" * width for width in widths)
    points = f"{len(rows)} insertion point{'s' * (len(rows) > 1)}"
    summary = f"{points}, {total:,} parameters added."
    return "\n".join([lines[0], rule, *lines[1:], summary])


def shape(sizes: Sequence[int | None]) -> str:
    """Return a shape without the batch axis, unknown sizes as `?`."""
    return " x ".join("?" if size is None else str(size) for size in sizes[1:])
