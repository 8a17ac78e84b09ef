"""Results of runs in a JSON file, from which interrupted work goes on."""

import json
import os
from pathlib import Path
from typing import Any


class Results:
    """The results of runs with the same settings.

    The file is replaced as a whole when a run is finished, so it is complete
    at any time. It may hold the results of other settings, too.

    Args:
        path: The JSON file.
        settings: All settings on which results depend, except the name and
            the seed of a run.
        restart: Whether to forget earlier results of these settings.

    Raises:
        ValueError: If the file is no JSON file of this class.
    """

    def __init__(
        self, path: Path, settings: dict[str, Any], restart: bool = False
    ):
        self.path = path
        self.settings = settings
        try:
            entries = self._read()
        except ValueError:
            if not restart:
                raise
            entries = []
        if restart:
            kept = [x for x in entries if x["settings"] != settings]
            self._write(kept)

    def get(self, name: str, seed: int | None) -> Any:
        """Return the result of a run, or `None` if it is not finished."""
        for entry in self._read():
            if self._key(entry) == self._key(self._entry(name, seed)):
                return entry["result"]
        return None

    def add(self, name: str, seed: int | None, result: Any) -> None:
        """Write the result of a run, in place of an earlier one."""
        entry = self._entry(name, seed)
        kept = [x for x in self._read() if self._key(x) != self._key(entry)]
        self._write([*kept, {**entry, "result": result}])

    def _entry(self, name: str, seed: int | None) -> dict[str, Any]:
        return {"settings": self.settings, "name": name, "seed": seed}

    @staticmethod
    def _key(entry: dict[str, Any]) -> tuple:
        return entry["settings"], entry["name"], entry["seed"]

    def _read(self) -> list[dict[str, Any]]:
        try:
            entries = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise self._invalid() from error
        keys = {"settings", "name", "seed", "result"}
        if not isinstance(entries, list) or not all(
            isinstance(x, dict) and x.keys() == keys for x in entries
        ):
            raise self._invalid()
        return entries

    def _invalid(self) -> ValueError:
        return ValueError(
            "The file of results must be one that this script wrote. Delete "
            f"it, or begin anew with --restart. Received: {self.path}"
        )

    def _write(self, entries: list[dict[str, Any]]) -> None:
        # A reader, or a run that is killed, sees the old file or the new one.
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        temporary.write_text(json.dumps(entries, indent=1), "utf-8")
        os.replace(temporary, self.path)
