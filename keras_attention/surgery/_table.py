"""What was done to a model, as text."""

from collections.abc import Sequence


def text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in columns, of which the last is of numbers."""
    cells = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if i == len(row) - 1 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join([lines[0], rule, *lines[1:]])


def shape(sizes: Sequence[int | None]) -> str:
    """Return a shape without the batch, unknown sizes as question marks."""
    return " x ".join("?" if size is None else str(size) for size in sizes[1:])
