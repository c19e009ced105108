"""A playbook in use: its notebook runs in a kernel, a person fills in fields, presses a button and reads the tables."""

import re
from pathlib import Path
from typing import Any

import nbformat

from harness import paths
from harness.front_end import VIEW, FrontEnd
from harness.kernel import CELL_TIMEOUT_S, Conversation, Kernel
from harness.tables import TablePage

Row = dict[str, str | None]

# More rows are not given at once.
PAGE_ROWS_MAX = 1000

_INTO = re.compile(r"--into (\w+)")


class Playbook:
    """One notebook of form and SQL cells, all of whose cells have run."""

    def __init__(self, page: FrontEnd, name: str) -> None:
        self.page = page
        page.look()
        # What other playbooks opened in the same kernel is not this one's.
        earlier = set(page.models)
        # Below each query: the model of its whole area, by the name of its table.
        self._areas: dict[str, str] = {}
        cells = sources(paths.NOTEBOOKS / f"{name}.ipynb")
        for source, cell in zip(cells, run(page.kernel, cells), strict=True):
            if source.startswith("%%sql"):
                named = _INTO.search(source.partition("\n")[0])
                assert named, f"a query without --into cannot be told from others: {source[:80]}"
                (display,) = cell.of_type("display_data")
                self._areas[named.group(1)] = display["content"]["data"][VIEW]["model_id"]
        page.look()
        self._own = set(page.models) - earlier
        self._changed: dict[str, dict[str, Any]] = {}

    def leave(self) -> None:
        """Puts all fields back: a form keeps what was entered in a field of the same name before."""
        for model, change in self._changed.items():
            self.page.change(model, **change)

    def fill(self, **fields: Any) -> None:
        """Enters values, by the labels of the fields with underscores for what is no letter."""
        for label, value in fields.items():
            model = self._labelled(label)
            options = self.page.models[model].get("_options_labels")
            if options is None:
                attribute, entered = "value", value
            else:
                places = [options.index(one) for one in value] if isinstance(value, list) else options.index(value)
                attribute, entered = "index", places
            self._changed.setdefault(model, {attribute: self.page.value(model, attribute)})
            self.page.change(model, **{attribute: entered})

    def press(self, button: str, *tables: str) -> tuple[list[Row], ...]:
        """Presses a button and waits for all of these tables: their rows."""
        before = {table: self._shown(table) for table in tables}
        self.page.click(self._labelled(button))
        return tuple(self._rows(table, before[table]) for table in tables)

    def start(self, button: str) -> None:
        """Presses a button and waits for nothing."""
        self.page.click(self._labelled(button))

    def stop(self, table: str) -> None:
        """Presses the Stop beside a query."""
        row, _ = self._children(self._areas[table])
        stop, _ = self._children(row)
        self.page.until(lambda: not self.page.value(stop, "disabled"), "the query to run")
        self.page.click(stop)

    def may_press(self, button: str) -> bool:
        """Whether a button can be pressed now."""
        self.page.look()
        return not self.page.value(self._labelled(button), "disabled")

    def options(self, label: str) -> list[str]:
        """What can be chosen in a field now."""
        self.page.look()
        return self.page.value(self._labelled(label), "_options_labels")

    def is_empty(self, table: str) -> bool:
        """Whether nothing is shown below the line above a table."""
        self.page.look()
        return self._bundles(table) == []

    def status(self, table: str) -> str:
        """The line above a table."""
        row, _ = self._children(self._areas[table])
        _, line = self._children(row)
        return re.sub(r"<[^>]*>", "", self.page.value(line))

    def _rows(self, table: str, before: str | None) -> list[Row]:
        def done() -> bool:
            status = self.status(table)
            assert "not run:" not in status and "did not run" not in status, f"{table}: {status}\n{self._text(table)}"
            return status.startswith("done in") and self._shown(table) not in (None, before)

        self.page.until(done, f"the table {table}")
        shown = self._shown(table)
        assert shown
        view = TablePage(self.page, shown)
        names = [column["name"] for column in view.columns]
        count = view.view["count"]
        pages = [view.rows(start, min(PAGE_ROWS_MAX, count - start)) for start in range(0, count, PAGE_ROWS_MAX)]
        return [dict(zip(names, row, strict=True)) for rows in pages for row in rows]

    def _shown(self, table: str) -> str | None:
        """The model of the table that is shown now."""
        bundles = self._bundles(table)
        return bundles[0].get(VIEW, {}).get("model_id") if bundles else None

    def _text(self, table: str) -> str:
        return "".join(bundle.get("text/plain", "") for bundle in self._bundles(table))

    def _bundles(self, table: str) -> list[dict[str, Any]]:
        _, output = self._children(self._areas[table])
        return [entry["data"] for entry in self.page.value(output, "outputs") or []]

    def _children(self, model: str) -> list[str]:
        return [child.removeprefix("IPY_MODEL_") for child in self.page.value(model, "children")]

    def _labelled(self, label: str) -> str:
        def words(text: str) -> str:
            return re.sub(r"\W+", "_", re.sub(r" \(UTC.*\)$", "", text)).strip("_").lower()

        found = [
            model
            for model in self._own & set(self.page.models)
            if words(self.page.models[model].get("description") or "") == words(label)
        ]
        assert len(found) == 1, f"{len(found)} fields are called {label!r}"
        return found[0]


def run(kernel: Kernel, cells: list[str]) -> list[Conversation]:
    """Runs all cells, one after the other as *Run All Cells* does; none may fail."""
    sent = [kernel.send_execute(source) for source in cells]
    kernel.wait_for(
        lambda: all(kernel.is_idle(cell) and kernel.replies[cell] for cell in sent), CELL_TIMEOUT_S, "the end of all cells"
    )
    ran = [Conversation(kernel.requests[cell], kernel.replies[cell], kernel.iopub[cell]) for cell in sent]
    for cell in ran:
        assert cell.status == "ok", cell
    return ran


def sources(path: Path) -> list[str]:
    """The code cells of a notebook, in order."""
    notebook = nbformat.read(path, as_version=4)
    return [cell.source.lstrip() for cell in notebook.cells if cell.cell_type == "code"]
