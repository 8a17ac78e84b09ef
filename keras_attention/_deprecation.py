"""Names and arguments that will go: for how long they stay, and what follows.

What is public is changed in two steps. First the old form works on beside the
new one, and warns; `until` is at least half a year later. The first release
after that day is without it: a test compares the days with the CHANGELOG's.
"""

import dataclasses
import datetime
import functools
import warnings
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

NOTICE = datetime.timedelta(days=182)


@dataclasses.dataclass(frozen=True)
class Deprecation:
    """What takes the place of something, and the days that count.

    Attributes:
        instead: What to write instead.
        since: The day of the first release that warns, as "2027-01-31".
        until: The day from which on a release may be without it.
    """

    instead: str
    since: str
    until: str

    def __post_init__(self):
        first, last = map(datetime.date.fromisoformat, (self.since, self.until))
        if last - first < NOTICE:
            raise ValueError(
                f"`until` must be at least {NOTICE.days} days after `since`. "
                f"Received: since={self.since!r}, until={self.until!r}"
            )

    def warn(self, old: str, stacklevel: int = 3) -> None:
        """Tell of `old` where the caller's caller wrote it."""
        warnings.warn(
            f"`{old}` is deprecated since {self.since} and may be gone after "
            f"{self.until}. Use `{self.instead}` instead.",
            FutureWarning,
            stacklevel=stacklevel,
        )


def renamed_argument(old: str, deprecation: Deprecation) -> Callable:
    """Return a decorator of functions that takes an argument's old name too.

    The new name is what `deprecation.instead` says.
    """
    new = deprecation.instead

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if old in kwargs:
                if new in kwargs:
                    raise TypeError(
                        f"`{old}` is the old name of `{new}`: only one of them "
                        f"may be given. Received: {old}={kwargs[old]!r}, "
                        f"{new}={kwargs[new]!r}"
                    )
                deprecation.warn(old)
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        vars(wrapper).setdefault("deprecations", {})[old] = deprecation
        return wrapper

    return decorate


def renamed_names(module: str, names: Mapping[str, Deprecation]) -> Callable:
    """Return a `__getattr__` for a module that finds its old names too.

    The new names are what each `instead` says, and are in the same module.
    """

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        # Here, as the module is not whole yet when it asks for this function.
        import importlib

        deprecation = names[name]
        deprecation.warn(f"{module}.{name}")
        return getattr(importlib.import_module(module), deprecation.instead)

    vars(find)["deprecations"] = dict(names)
    return find
