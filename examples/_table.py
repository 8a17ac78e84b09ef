"""A table of the results of several runs of named settings."""

import statistics
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence


def markdown(
    first: str,
    columns: Mapping[str, str],
    rows: Mapping[str, Sequence[Mapping[str, float | None]]],
    once: Collection[str] = (),
) -> str:
    """Return a table in Markdown, aligned so that it reads as plain text too.

    >>> runs = [{"error in %": 2.0, "parameters": 4321}] * 2
    >>> columns = {"error in %": ".2f", "parameters": ",d"}
    >>> print(markdown("model", columns, {"plain": runs}))
    | model |  error in % | parameters |
    |:------|------------:|-----------:|
    | plain | 2.00 ± 0.00 |      4,321 |

    Args:
        first: The heading of the names of the settings.
        columns: The names of the values, each with its format. With an
            integer format the table has the value of the first run, otherwise
            the mean of all and the sample standard deviation of several. A
            value that is `None` is not known.
        rows: The runs of each setting, one per seed.
        once: The names of other values that are the same in all runs.
    """
    cells = [[first, *columns]]
    for name, runs in rows.items():
        values = (
            _cell(
                [run[column] for run in runs][: 1 if column in once else None],
                style,
            )
            for column, style in columns.items()
        )
        cells.append([name, *values])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rule = [
        "-" * (width + 1) + ":" if i else ":" + "-" * (width + 1)
        for i, width in enumerate(widths)
    ]
    lines = [_line(row, widths) for row in cells]
    return "\n".join([lines[0], f"|{'|'.join(rule)}|", *lines[1:]])


def about(seeds: int, images: int, backend: str) -> str:
    """Return a caption that explains the numbers of a table."""
    return (
        f"{sample(seeds, images)}\n"
        "Seconds per epoch: the median, without the first if there are more.\n"
        f"Backend: {backend}"
    )


def sample(seeds: int, images: int) -> str:
    """Return a sentence on what the numbers of a table are taken over."""
    what = "Mean ± standard deviation over" if seeds > 1 else "Of"
    return f"{what} {seeds} seed{'s' * (seeds > 1)}, {images:,} test images."


def _cell(values: Sequence[float | None], style: str) -> str:
    if values[0] is None:
        return "unknown"
    if style.endswith("d"):
        return format(values[0], style)
    mean = format(statistics.mean(values), style)
    if len(values) == 1:
        return mean
    return f"{mean} ± {statistics.stdev(values):{style}}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        f"{cell:>{width}}" if i else f"{cell:<{width}}"
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return f"| {' | '.join(cells)} |"
