"""Comparison of accuracies over seeds."""

import math
import statistics
from collections.abc import Mapping
from collections.abc import Sequence

NONE = "none"
STANDARD_ERRORS = 2
STANDARD_DEVIATIONS = 2
ONE_SEED = "One seed does not show differences: use --seeds 3 or more."


def difference(
    first: Sequence[float], second: Sequence[float]
) -> tuple[float, float]:
    """Return the difference of two means, and its standard error.

    >>> difference([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    (2.0, 1.2909944487358056)
    """
    variances = (statistics.variance(x) / len(x) for x in (first, second))
    distance = statistics.mean(first) - statistics.mean(second)
    return distance, math.sqrt(sum(variances))


def describe(
    accuracies: Mapping[str, Sequence[float]],
    costs: Mapping[str, float],
    measure: str,
) -> str:
    """Return sentences on which networks differ from the one without attention.

    Args:
        accuracies: The accuracies in percent of each network, one per seed.
        costs: What each network costs.
        measure: The name of the costs.
    """
    if len(next(iter(accuracies.values()))) == 1:
        return f"{ONE_SEED}\n{_best(accuracies)[0]} has the highest accuracy."
    same, differing = [], []
    for name, values in accuracies.items():
        if name == NONE:
            continue
        distance, error = difference(values, accuracies[NONE])
        if _is_clear(distance, error):
            direction = "higher" if distance > 0 else "lower"
            differing.append(
                f"{name}: {abs(distance):.2f} percentage points {direction} "
                f"than {NONE} (standard error {error:.2f})."
            )
        else:
            same.append(name)
    sentences = differing
    if same:
        verb = "differs" if len(same) == 1 else "differ"
        sentences.append(
            f"{', '.join(same)}: {verb} from {NONE} by no more than two "
            "standard errors."
        )
    if len(accuracies) == 1:
        return f"There is no attention to compare with {NONE}."
    best, equals = _best(accuracies)
    cheapest = min(equals, key=lambda name: costs[name])
    if len(equals) == 1:
        sentences.append(
            f"Best: {best}, by more than two standard errors from all others."
        )
    else:
        sentences.append(
            f"Best: {best}; within two standard errors of it: "
            f"{', '.join(name for name in equals if name != best)}. The "
            f"cheapest of these {len(equals)} by {measure}: {cheapest}."
        )
    return "\n".join(sentences)


def fewer_errors(rows: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Return sentences on how a network differs from a first, plain one.

    >>> plain = [{"error in %": x, "parameters": 200} for x in (8, 9, 10)]
    >>> other = [{"error in %": x, "parameters": 190} for x in (4, 5, 6)]
    >>> print(fewer_errors({"plain": plain, "se": other}))
    se: 44 % fewer errors than plain, with 5 % fewer parameters.
    The means differ by 4.00 percentage points: more than twice the larger
    standard deviation over the seeds, 1.00.

    Args:
        rows: The runs of two networks, one per seed.
    """
    (first, plain), (second, other) = rows.items()
    errors = [[run["error in %"] for run in runs] for runs in (plain, other)]
    before, after = map(statistics.mean, errors)
    sizes = [runs[0]["parameters"] for runs in (plain, other)]
    text = (
        f"{second}: {_change(before, after)} errors than {first}, with "
        f"{_change(*sizes)} parameters.\n"
    )
    if len(plain) == 1:
        return f"{text}{ONE_SEED}"
    largest = max(map(statistics.stdev, errors))
    distance = abs(before - after)
    more = "more" if distance > STANDARD_DEVIATIONS * largest else "not more"
    return (
        f"{text}The means differ by {distance:.2f} percentage points: {more} "
        "than twice the larger\nstandard deviation over the seeds, "
        f"{largest:.2f}."
    )


def _change(before: float, after: float) -> str:
    """Return a change in words.

    >>> _change(200, 190)
    '5 % fewer'
    >>> _change(0, 2)
    'more'
    """
    if not before and after:
        return "more"
    share = after / before - 1 if before else 0
    return f"{abs(share):.0%}".replace("%", " %") + (
        " more" if share > 0 else " fewer"
    )


def _best(accuracies: Mapping[str, Sequence[float]]) -> tuple[str, list[str]]:
    """Return the best, and all that are not clearly worse."""
    best = max(accuracies, key=lambda name: statistics.mean(accuracies[name]))
    if len(accuracies[best]) == 1:
        return best, [best]
    equals = [
        name
        for name, values in accuracies.items()
        if name == best or not _is_clear(*difference(accuracies[best], values))
    ]
    return best, equals


def _is_clear(distance: float, error: float) -> bool:
    return abs(distance) > STANDARD_ERRORS * error
