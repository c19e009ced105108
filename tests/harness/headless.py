"""A playbook run by `flowdeck run`, behind the interface of `harness.playbook.Playbook`: the same expectations hold for both."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from harness import paths
from harness.playbook import Row, sources

FLOWDECK = paths.TARGET / "debug" / "flowdeck"


class HeadlessPlaybook:
    """One notebook of form and SQL cells. Each press is a run of its own, with all that was entered and pressed before."""

    def __init__(self, name: str, folder: Path) -> None:
        self.path = paths.NOTEBOOKS / f"{name}.ipynb"
        self.folder = folder
        self._fields: dict[str, dict[str, Any]] = {}
        for source in sources(self.path):
            if source.startswith("%%form"):
                self._fields |= tomllib.loads(source.partition("\n")[2])
        self._given: dict[str, str] = {}
        self._pressed: list[str] = []

    def fill(self, **fields: Any) -> None:
        """Enters values, by the labels of the fields with underscores for what is no letter."""
        for label, value in fields.items():
            self._given[self._labelled(label)] = written(value)

    def press(self, button: str, *tables: str) -> tuple[list[Row], ...]:
        """Presses a button and what was pressed before: the rows of these tables."""
        self._pressed.append(self._labelled(button))
        files = {table: self.folder / f"{table}.jsonl" for table in tables}
        arguments = [word for name, value in self._given.items() for word in ("-p", f"{name}={value}")]
        arguments += [word for name in dict.fromkeys(self._pressed) for word in ("--press", name)]
        arguments += [word for table, file in files.items() for word in ("--result", f"{table}={file}")]
        ended = run(self.path, *arguments, "-o", self.folder / "out.ipynb")
        assert ended.returncode == 0, ended.stderr
        return tuple(rows(file) for file in files.values())

    def _labelled(self, label: str) -> str:
        def words(text: str) -> str:
            return re.sub(r"\W+", "_", text).strip("_").lower()

        found = [name for name, field in self._fields.items() if words(field.get("label", name)) == words(label)]
        assert len(found) == 1, f"{len(found)} fields are called {label!r}"
        return found[0]


def run(notebook: Path, *arguments: Any, **more: Any) -> subprocess.CompletedProcess[str]:
    """`flowdeck run` with these arguments."""
    command = [str(FLOWDECK), "run", str(notebook), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, **more)


def rows(file: Path) -> list[Row]:
    """The rows of a file, as a table shows them."""
    return [{name: shown(value) for name, value in json.loads(line).items()} for line in file.read_text().splitlines()]


def shown(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None else str(value)


def written(value: Any) -> str:
    """A value of the tests as a person types it: pickers get a moment in parts, in the zone of this machine."""
    if isinstance(value, dict):
        day = f"{value['year']}-{value['month'] + 1:02}-{value['date']:02}"
        return f"{day} {value['hours']:02}:{value['minutes']:02}:{value['seconds']:02}"
    if isinstance(value, list):
        return ", ".join(value)
    return shown(value) or ""
