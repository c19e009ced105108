"""The benchmark itself must run: a short one, with the development build in the place of the release."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from cases.flow_queries import PYTHON_TOOLS, comparable
from cases.stream_throughput import FILLER, line_numbers
from cases.zeek_read import write_repeated
from client import idle_after, update_of
from flow_tools import QUERIES
from harness import paths
from peers import TABLES, WIDGETS, Peer, able
from report import CaseResult, as_json, as_markdown, as_text
from run import shares
from samples import Sample

BENCH = Path(__file__).with_name("bench.py")

# Measured in Python only where the benchmark's own packages are installed.
WITH_PANDAS = {"zeek_read", "voila_first_button", "table_first_rows"}
HAS_PANDAS = all(importlib.util.find_spec(module) for module in ("pandas", "pyarrow", "itables"))
# No kernel but ours has them; nfdump is measured beside its case where it is installed.
ALONE = {"table_page", "plot_line", "nfcapd_read", "snapshot"}


# Every case starts kernels, and a development build's first cell takes long.
@pytest.mark.timeout(900)
def test_benchmark_runs_every_case_and_writes_its_results(tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "flowdeck").symlink_to(paths.TARGET / "debug" / "flowdeck")
    (tmp_path / "bench-cache").symlink_to(paths.TARGET / "test-cache")
    run = subprocess.run(
        [sys.executable, BENCH, "--target", tmp_path, "--quick"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=880,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    results = json.loads((tmp_path / "bench" / "results.json").read_text())
    cases = sorted(path.stem for path in (BENCH.parent / "cases").glob("[!_]*.py"))
    assert sorted({case["name"].split(".")[0] for case in results["cases"]}) == cases
    assert len([case for case in results["cases"] if case["name"].startswith("flow_queries.")]) == len(QUERIES)
    for case in results["cases"]:
        assert set(case["median"]) >= {"flowdeck", *_others(case["name"])}, case
        assert all(value > 0 for value in case["median"].values()), case
    assert "| flowdeck |" in (tmp_path / "bench" / "results.md").read_text()
    notes = {case["name"]: case["notes"] for case in results["cases"]}
    assert notes["stream_throughput"]["flowdeck"]["lines lost"] == 0
    assert [path.name for path in (tmp_path / "bench").iterdir() if path.is_dir()] == [], "data was left behind"


def _others(case: str) -> list[str]:
    """Who is compared with in that case, of what is installed."""
    if case in ALONE or case.startswith("rust_cells."):
        return []
    if case.startswith("rust_function."):
        return ["built in"]
    if case.startswith("flow_queries."):
        return [tool for tool in PYTHON_TOOLS if importlib.util.find_spec(tool)] if HAS_PANDAS else []
    return ["ipykernel"] if HAS_PANDAS or case not in WITH_PANDAS else []


def test_notebooks_are_saved_without_outputs() -> None:
    notebooks = list((BENCH.parent / "notebooks").glob("*.ipynb"))
    assert len(notebooks) == 2
    for path in notebooks:
        for cell in json.loads(path.read_text())["cells"]:
            assert cell["outputs"] == [] and cell["execution_count"] is None, path


def test_a_failed_case_is_told_from_the_others() -> None:
    ran, failed = CaseResult("ran", "Ran", "ms"), CaseResult("failed", "Failed", "ms", failure="AssertionError: no\nwhy")
    ran.add("flowdeck", Sample(1.0))
    text, markdown = as_text([ran, failed]), as_markdown([ran, failed], {}, [], [])
    assert "Ran (ms)  " in text and "Failed (ms), failed" in text
    assert "* Failed: failed, AssertionError: no\n" in markdown and "why" not in markdown
    assert [case["failure"] for case in json.loads(as_json([ran, failed], {}, [], []))["cases"]] == [
        None,
        "AssertionError: no\nwhy",
    ]


def test_a_summary_has_the_bad_end_of_the_samples_and_the_largest_notes() -> None:
    times, rates = CaseResult("times", "Times", "ms"), CaseResult("rates", "Rates", "lines/s")
    for value in range(1, 21):
        times.add("flowdeck", Sample(float(value)))
        rates.add("flowdeck", Sample(float(value), {"lines lost": 20 - value}))
    assert times.summary("flowdeck") == "median 10.5 ms, 95 % within 20.0, from 1.00 to 20.0, N=20"
    assert rates.summary("flowdeck") == "median 10.5 lines/s, 95 % reach 1.00, from 1.00 to 20.0, N=20, lines lost 19"
    assert times.summary("ipykernel") == "no samples"


@pytest.mark.parametrize(("other", "ratio"), [(20.0, "2.0×"), (10.0, "1.0×"), (0.082, "0.0082×")])
def test_ratios_are_to_flowdeck(other: float, ratio: str) -> None:
    result = CaseResult("case", "Case", "ms", {"flowdeck": [10.0], "ipykernel": [other]})
    assert result.ratio("ipykernel") == ratio and result.ratio("flowdeck") == ""


@pytest.mark.parametrize(
    ("total", "expected"), [(10, [2, 2, 2, 2, 2]), (7, [2, 2, 1, 1, 1]), (2, [1, 1]), (0, [])]
)
def test_repetitions_are_shared_among_turns(total: int, expected: list[int]) -> None:
    assert shares(total, 5) == expected


def test_peers_are_asked_for_what_they_can() -> None:
    both = Peer("both", "1", "rust", [], features=frozenset({WIDGETS, TABLES}))
    cells, widgets = Peer("cells", "1", "rust", []), Peer("widgets", "1", "python", [], features=frozenset({WIDGETS}))
    assert able([both, cells, widgets], set()) == [both, cells, widgets]
    assert able([both, cells, widgets], {WIDGETS}) == [both, widgets]
    assert able([both, cells, widgets], {WIDGETS, TABLES}) == [both]


def test_only_whole_lines_count_as_printed() -> None:
    assert line_numbers(f"000000 {FILLER}\n000001 xx\nwarning\n000002 {FILLER}\n000003 {FILLER}") == [0, 2]


def test_answers_are_compared_as_values() -> None:
    sql = "2024-02-05T00:00:00  12\n2024-02-05T00:01:00Z  NULL"
    python = "2024-02-05 00:01:00+00:00 NULL\n2024-02-05 00:00:00 12.0"
    assert comparable(sql) == comparable(python) == "2024-02-05_00:00:00 12\n2024-02-05_00:01:00 NULL"


def test_a_log_is_repeated_between_its_header_and_its_end(tmp_path: Path) -> None:
    short, longer = tmp_path / "short.log", tmp_path / "longer.log"
    short.write_text("#fields\ta\n1\n2\n#close\t0\n")
    write_repeated(short, 5, longer)
    assert longer.read_text() == "#fields\ta\n1\n2\n1\n2\n1\n#close\t0\n"


def test_the_clock_stops_at_the_message_that_is_waited_for() -> None:
    def message(msg_type: str, content: object, parent: str = "request") -> dict[str, object]:
        return {"msg_type": msg_type, "content": content, "parent_header": {"msg_id": parent}}

    idle = idle_after("request")
    assert idle.is_it(message("status", {"execution_state": "idle"}))
    assert not idle.is_it(message("status", {"execution_state": "idle"}, "another"))
    assert not idle.is_it(message("status", {"execution_state": "busy"}))

    def change(method: str, **state: object) -> dict[str, object]:
        return message("comm_msg", {"comm_id": "label", "data": {"method": method, "state": state}})

    update = update_of("label", "value", "2 clicks")
    assert update.is_it(change("update", value="2 clicks", other=1))
    assert not update.is_it(change("update", value="1 clicks"))
    assert not update.is_it(change("echo_update", value="2 clicks"))
    assert not update.is_it(message("status", {"execution_state": "idle"}))
