"""Eight questions of analysts to ten million flows in one Parquet file: Flowdeck, DuckDB, Polars and pandas.

Each tool runs in a kernel that is warm, the Python ones in ipykernel, and answers from the file, which is in the
system's cache: a time is what a cell takes until its rows are there. FLOWDECK_BENCH_FLOWS=100000000 asks for more flows.
"""

import importlib.util
import os
import re
import time
from dataclasses import replace
from importlib.metadata import version
from types import SimpleNamespace

import flow_data
from client import BenchKernel
from flow_tools import QUERIES, SETUP, Query, cell
from peak import Peak
from peers import TABLES
from samples import Sample

NAME = "flow_queries"
ORDER = 80
FLOWS = 10_000_000
QUICK_FLOWS = 200_000
REPETITIONS = 5

# A tool whose first answer takes longer than this is not asked again: that answer's time counts.
ONCE_FROM_S = 60
# Longer is no answer, and the tool is not in that case.
GIVE_UP_S = 120

PYTHON_TOOLS = ("duckdb", "polars", "pandas")


def parts() -> list[SimpleNamespace]:
    """One case per query: each has its own times."""
    return [
        SimpleNamespace(
            NAME=f"{NAME}.{query.name}",
            TITLE=f"flows: {query.title}",
            ORDER=ORDER + place / 100,
            UNIT="ms",
            NEEDS={TABLES},
            REPETITIONS=REPETITIONS,
            measure=lambda run, query=query: measure(run, query),
        )
        for place, query in enumerate(QUERIES)
    ]


def measure(run, query: Query):
    flows, domains = _files(run)
    tools = _tools(run.peers)
    kernels = {}
    try:
        for tool in tools:
            kernels[tool.name] = BenchKernel(tool, first_cell="")
            kernels[tool.name].cell(SETUP[tool.name].replace("FLOWS", str(flows)).replace("DOMAINS", str(domains)))
        # The first answers must be the same, and do not count but for the slow.
        answers = {}
        for tool in list(tools):
            started = time.perf_counter()
            with Peak(kernels[tool.name].memory_mib) as peak:
                answer = _answer(kernels[tool.name], cell(tool.name, query))
            elapsed = time.perf_counter() - started
            if answer is None:
                print(f"   not measured: {tool.name} (it gave no answer within {GIVE_UP_S} s)", flush=True)
                tools.remove(tool)
                continue
            answers[tool.name] = answer
            if elapsed > ONCE_FROM_S:
                tools.remove(tool)
                yield tool, Sample(elapsed * 1000, {"peak MiB": peak.mib})
        assert len(set(answers.values())) == 1, f"the answers differ: {answers}"
        for _ in range(run.repetitions):
            for tool in tools:
                kernel = kernels[tool.name]
                with Peak(kernel.memory_mib) as peak:
                    seconds = kernel.cell(cell(tool.name, query))
                yield tool, Sample(seconds * 1000, {"peak MiB": peak.mib})
    finally:
        for kernel in kernels.values():
            kernel.close()


def _files(run):
    """Written once for all parts."""
    rows = QUICK_FLOWS if run.quick else int(os.environ.get("FLOWDECK_BENCH_FLOWS", FLOWS))
    written = run.folder / "bench-flows.parquet", run.folder / "bench-domains.parquet"
    if not all(path.exists() for path in written):
        flow_data.write(next(peer for peer in run.peers if peer.name == "flowdeck"), rows, run.folder)
    return written


def _tools(peers):
    """Flowdeck, and what is installed of the others, each in an ipykernel of its own."""
    tools = [peer for peer in peers if peer.name == "flowdeck"]
    python = next((peer for peer in peers if peer.name == "ipykernel"), None)
    installed = [tool for tool in PYTHON_TOOLS if python and importlib.util.find_spec(tool)]
    return tools + [replace(python, name=tool, version=version(tool)) for tool in installed]


def _answer(kernel: BenchKernel, code: str) -> str | None:
    """The rows that a cell shows, without what differs in how tools write them; None when it takes too long."""
    msg_id = kernel.send_execute(code)
    try:
        conversation = kernel.finish(msg_id, GIVE_UP_S)
    except AssertionError:
        if kernel.process.poll() is None:
            return None
        raise
    assert conversation.status == "ok", conversation.error_text
    shown = conversation.stream()
    if not shown:
        # A heading, a rule, the rows, and a line that counts them.
        shown = "\n".join(conversation.text.splitlines()[2:-1])
    return comparable(shown)


def comparable(shown: str) -> str:
    """Rows in an order of their own, numbers and moments in one spelling."""
    return "\n".join(sorted(" ".join(_plain(word) for word in _moments(line).split()) for line in shown.splitlines()))


def _moments(line: str) -> str:
    return re.sub(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.0+)?(?:Z|\+00:00)?", r"\1_\2", line)


def _plain(word: str) -> str:
    try:
        return f"{float(word):.6g}"
    except ValueError:
        return word
