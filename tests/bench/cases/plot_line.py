"""A time series of ten million rows that are in memory: cell sent, until its plot came. The notes say how large that is."""

import json

from client import BenchKernel
from peers import PAGES
from samples import Sample, from_warm_kernels, ms

NAME = "plot_line"
TITLE = "time series of ten million rows"
ORDER = 83
UNIT = "ms"
NEEDS = {PAGES}
REPETITIONS = 5

WARM_UP = 1
ROWS = 10_000_000
PREPARE = """%%sql --limit 0 --into prepared
SELECT to_timestamp(1700006400 + value / 200) AS start_time, value % 1000 AS bytes, concat('p', value % 12) AS protocol
FROM generate_series(0, {rows} - 1)"""
PLOT = "%%plot --kind line\nSELECT * FROM prepared"


def measure(run):
    return from_warm_kernels(run, lambda kernel: _Plot(kernel, run.sized(ROWS)).take, WARM_UP)


class _Plot:
    """Rows that are there, and a plot of them."""

    def __init__(self, kernel: BenchKernel, rows: int) -> None:
        self._kernel, self._rows = kernel, rows
        kernel.cell(PREPARE.format(rows=rows))

    def take(self) -> Sample:
        seconds, cell = self._kernel.cell_with_id(PLOT)
        (result,) = [m for m in self._kernel.iopub[cell] if m["msg_type"] == "execute_result"]
        bundle = result["content"]["data"]
        values = bundle["application/vnd.vegalite.v5+json"]["data"]["values"]
        assert sum(value["y"] for value in values) == sum(n % 1000 for n in range(1000)) * self._rows / 1000
        return Sample(ms(seconds).value, {"marks": len(values), "bundle KiB": len(json.dumps(bundle)) / 1024})
