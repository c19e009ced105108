"""A page of a hundred rows from a random place of ten million, as it is and sorted: request sent, until the rows came."""

import random
import time

from client import BenchKernel
from harness.front_end import VIEW, FrontEnd
from harness.tables import TablePage
from peers import PAGES
from samples import Sample, from_warm_kernels, ms

NAME = "table_page"
TITLE = "page of a table of ten million rows"
ORDER = 81
UNIT = "ms"
NEEDS = {PAGES}
REPETITIONS = 200

WARM_UP = 5
ROWS = 10_000_000
COUNT = 100
QUERY = """%%sql --limit 0
SELECT value AS n, value * 7654321 % {rows} AS shuffled, concat('text ', value) AS t FROM generate_series(0, {rows} - 1)"""


def measure(run):
    return from_warm_kernels(run, lambda kernel: _Pages(kernel, run.sized(ROWS)).take, WARM_UP)


class _Pages:
    """A table, first sorted, then looked at in random places."""

    def __init__(self, kernel: BenchKernel, rows: int) -> None:
        self._rows = rows
        page = FrontEnd(kernel)
        _, cell = kernel.cell_with_id(QUERY.format(rows=rows))
        (result,) = [m for m in kernel.iopub[cell] if m["msg_type"] == "execute_result"]
        self._table = TablePage(page, result["content"]["data"][VIEW]["model_id"])
        started = time.perf_counter()
        self._table.look(sort=[{"column": 1, "descending": True}], timeout=600)
        self._sort_ms = (time.perf_counter() - started) * 1000
        assert self._table.rows(0, 1)[0][1] == str(rows - 1), "the greatest comes first"
        self._dice = random.Random(7)

    def take(self) -> Sample:
        start = self._dice.randrange(self._rows - COUNT)
        started = time.perf_counter()
        rows = self._table.rows(start, COUNT)
        elapsed = time.perf_counter() - started
        assert [int(row[1]) for row in rows] == [self._rows - 1 - start - place for place in range(COUNT)]
        return Sample(ms(elapsed).value, {"first sort ms": self._sort_ms})
