"""Comparison of the results of two backends."""

import numpy as np

# The largest allowed difference, as a share of the largest value of an array: a
# hundred roundings of float32, because backends add up in another order.
SHARE = 1e-5
# Terms of a gradient may cancel, so that only rounding errors are left.
FLOOR = 1e-6
# In addition, this many times the effect of rounding the inputs is allowed.
MOVED = 5
# If rounding changes an array by more than this share, the comparison is of
# little use. Examples are a location on a whole pixel, and two maxima that are
# nearly equal.
LOOSE = 1e-2


def differences(found, expected, rounding):
    """Return the differences between results of two backends, by array name.

    All are dictionaries of arrays. `rounding` has how far each moves if its
    inputs are rounded.
    """
    if "error" in found:
        return {"error": str(found["error"])}
    wrong = {}
    floor = FLOOR * max(
        (
            np.abs(array).max(initial=0)
            for name, array in expected.items()
            if name.startswith("gradients/")
        ),
        default=0,
    )
    for name, right in expected.items():
        if name not in found:
            wrong[name] = "is missing"
            continue
        array = found[name]
        if name == "about":
            if str(array) != str(right):
                wrong[name] = f"{array} is not {right}"
            continue
        if array.shape != right.shape:
            wrong[name] = f"has shape {array.shape}, not {right.shape}"
            continue
        room = SHARE * np.abs(right).max(initial=0)
        room += MOVED * rounding.get(name, 0)
        if name.startswith("gradients/"):
            room += floor
        array, right = (np.asarray(a, "float64") for a in (array, right))
        # Both may be NaN, and neither alone.
        worst = np.abs(array - right)[~(np.isnan(array) & np.isnan(right))]
        worst = worst.max(initial=0)
        if not worst <= room:
            wrong[name] = f"is off by {worst:.2g}, where {room:.2g} is allowed"
    return wrong


def is_loose(expected, rounding):
    """Return whether rounding dominates the results of a case."""
    return any(
        MOVED * rounding.get(name, 0) > LOOSE * np.abs(array).max(initial=0)
        for name, array in expected.items()
        if name.startswith("outputs")
    )


def cases(arrays):
    """Return results by case and array, and the effect of rounding likewise."""
    found, rounding = {}, {}
    for key in arrays.files:
        name, index, part = key.split("/", 2)
        case = f"{name}/{index}"
        if part.startswith("moved/"):
            rounding.setdefault(case, {})[part.removeprefix("moved/")] = float(
                arrays[key]
            )
        else:
            found.setdefault(case, {})[part] = arrays[key]
    return found, rounding
