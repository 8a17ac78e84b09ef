"""Table of the changes to a model."""

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

_UNLIMITED = 1_000_000
# A rule below the header, in ASCII, and no other lines.
_RULE = box.Box("    \n    \n -  \n    \n    \n    \n    \n    \n", ascii=True)


def show(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table whose last column is numbers, with their sum below.

    Only a terminal gets styles and lines of its own width.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    table = Table(
        box=_RULE, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for name in header:
        last = name == header[-1]
        table.add_column(
            name, justify="right" if last else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*row[:-1], f"{row[-1]:,}")
    if not console.is_terminal:
        widest = console.options.update(max_width=_UNLIMITED)
        console.width = console.measure(table, options=widest).maximum
    console.print(table)
    total = sum(row[-1] for row in rows)
    points = f"{len(rows)} insertion point{'s' * (len(rows) > 1)}"
    console.print(f"{points}, {total:,} parameters added.", soft_wrap=True)


def shape(sizes: Sequence[int | None]) -> str:
    """Return a shape without the batch axis, unknown sizes as `?`."""
    return " x ".join("?" if size is None else str(size) for size in sizes[1:])
