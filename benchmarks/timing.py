"""Timing of two functions in turns, so that other load affects both."""

import dataclasses
import os
import statistics
import time
from collections.abc import Callable

# The time of this process on the processor, which other processes affect less,
# is that of the clock only if one thread computes.
_CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
CLOCK = os.environ.get("BENCHMARK_CLOCK", "wall")


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Ratio of the times of two functions.

    Attributes:
        median: Median of the ratios of neighboring turns.
        low: Their first quartile.
        high: Their third quartile.
        seconds: Median seconds of a call of the first.
        baseline_seconds: Median seconds of a call of the second.
        turns: Number of pairs.
    """

    median: float
    low: float
    high: float
    seconds: float
    baseline_seconds: float
    turns: int


def seconds(function: Callable, calls: int = 1) -> float:
    """Return the seconds of a call, by `CLOCK`."""
    clock = _CLOCKS[CLOCK]
    start = clock()
    for _ in range(calls):
        function()
    return max(clock() - start, 1e-9) / calls


def fastest(
    functions: dict[str, Callable], turns: int = 7, turn: float = 5e-3
) -> str:
    """Return the name of the function with the smallest median."""
    for function in functions.values():
        seconds(function, 2)
    calls = {
        name: max(1, round(turn / seconds(function, 2)))
        for name, function in functions.items()
    }
    rounds = [
        {
            name: seconds(function, calls[name])
            for name, function in functions.items()
        }
        for _ in range(turns)
    ]
    return min(
        functions,
        key=lambda name: statistics.median(times[name] for times in rounds),
    )


def compare(
    first: Callable,
    second: Callable,
    *,
    budget: float = 2.0,
    turns: int = 15,
    turn: float = 5e-3,
) -> Ratio:
    """Time two functions in turns.

    Args:
        first: A function without arguments.
        second: The function to compare with.
        budget: Seconds after which no further pair of turns starts.
        turns: Minimum number of pairs, whatever the budget.
        turn: Minimum seconds of a turn: fast functions are called repeatedly.
    """
    for function in (first, second):
        seconds(function, 3)
    calls = max(1, round(turn / seconds(second, 3)))
    pairs: list[tuple[float, float]] = []
    end = time.perf_counter() + budget
    while len(pairs) < turns or time.perf_counter() < end:
        if len(pairs) % 2:
            mine, other = seconds(first, calls), seconds(second, calls)
        else:
            other, mine = seconds(second, calls), seconds(first, calls)
        pairs.append((mine, other))
    ratios = [mine / other for mine, other in pairs]
    low, median, high = statistics.quantiles(ratios, n=4)
    return Ratio(
        median=median,
        low=low,
        high=high,
        seconds=statistics.median(mine for mine, _ in pairs),
        baseline_seconds=statistics.median(other for _, other in pairs),
        turns=len(pairs),
    )
