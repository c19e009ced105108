"""`flowdeck run`: a notebook without a page. That the playbooks find the same is in notebooks/test_playbooks.py."""

import json
import os
import pty
import signal
import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import nbformat
import pytest
from harness import paths
from harness.headless import FLOWDECK, rows, run
from harness.widget_state import STATE_SCHEMA, VIEW, WIDGET_STATE
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

FORM = """%%form
first = { type = "int", label = "First", default = 1, min = 1 }
last  = { type = "int", label = "Last", default = 3, max = 1000000 }
word  = { type = "text", label = "Word", default = "a" }
key   = { type = "password", label = "Key" }
start = { type = "datetime", label = "Start", default = "2024-02-05T00:00:00Z" }
end   = { type = "datetime", label = "End", default = "2024-02-06T00:00:00Z" }
go    = { type = "button", label = "Go" }
more  = { type = "button", label = "More", needs = "absent" }"""
NUMBERS = "%%sql --on go --into numbers\nSELECT value AS n, $word AS word FROM range(1, 100000) WHERE value BETWEEN $first AND $last ORDER BY 1"
HOURS = "%%sql --on go --into hours\nSELECT start_time FROM flows WHERE start_time >= $start AND start_time < $end ORDER BY 1"
# 10^11 pairs.
HEAVY = "%%sql --on go --into heavy\nSELECT count(*) FROM range(1, 100000) a CROSS JOIN range(1, 1000000) b"


def notebook(folder: Path, *sources: Any, **metadata: Any) -> Path:
    cells = [new_markdown_cell("# A notebook")]
    cells += [source if not isinstance(source, str) else new_code_cell(source) for source in sources]
    path = folder / "book.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata=metadata), path)
    return path


def read(path: Path) -> nbformat.NotebookNode:
    written = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(written)
    jsonschema.validate(json.loads(json.dumps(written.metadata.widgets[WIDGET_STATE])), STATE_SCHEMA)
    return written


def test_out_holds_what_a_page_would_show(tmp_path: Path) -> None:
    path, out = notebook(tmp_path, FORM, NUMBERS), tmp_path / "new" / "out.ipynb"
    ended = run(path, "-p", "last=5", "-p", "word", "<b>", "-p", "key=geheim", "-o", out)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    written = read(out)
    injected, form, numbers = [cell for cell in written.cells if cell.cell_type == "code"]
    assert injected.metadata.tags == ["injected-parameters"]
    assert injected.source == '%%parameters\nlast = "5"\nword = "<b>"'
    assert [cell.execution_count for cell in (injected, form, numbers)] == [1, 2, 3]
    (shown,) = numbers.outputs
    state = written.metadata.widgets[WIDGET_STATE].state
    assert shown.data[VIEW]["model_id"] in state
    assert shown.data["text/html"].count("<tr>") == 6 and "&lt;b&gt;" in shown.data["text/html"]
    assert "done in" in shown.data["text/plain"] and "5 rows" in shown.data["text/plain"]
    (fields,) = form.outputs
    assert "<b>5</b>" in fields.data["text/html"], "the form as it was filled in"
    assert [model.state.value for model in state.values() if model.state.get("description") == "Last"] == [5]
    told = written.metadata.papermill
    assert told.parameters == {"last": "5", "word": "<b>"} and told.exception is None and told.duration > 0
    assert numbers.metadata.papermill.status == "completed"
    assert "geheim" not in out.read_text() and "geheim" not in ended.stderr, "what is typed unseen is written nowhere"


def test_what_was_run_runs_again(tmp_path: Path) -> None:
    """OUT is a notebook like any other: its values are those of the run until others are given."""
    first, second = tmp_path / "first.ipynb", tmp_path / "second.ipynb"
    assert run(notebook(tmp_path, FORM, NUMBERS), "-p", "last=5", "-o", first).returncode == 0
    file = tmp_path / "numbers.csv"
    assert run(first, "-p", "first=3", "-o", second, "--result", f"numbers={file}").returncode == 0
    assert file.read_text() == "n,word\n3,a\n", "the values of the first run are not defaults"
    assert [cell.source for cell in read(second).cells if "injected-parameters" in cell.metadata.get("tags", [])] == [
        '%%parameters\nfirst = "3"'
    ]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "xlsx"])
def test_results_are_files(tmp_path: Path, ending: str) -> None:
    file = tmp_path / "{word}" / f"{{notebook}}_{{last}}.{ending}"
    ended = run(notebook(tmp_path, FORM, NUMBERS), "-p", "word=../x", "--result", f"numbers={file}")
    assert ended.returncode == 0, ended.stderr
    written = tmp_path / "___x" / f"book_3.{ending}"
    assert written.stat().st_size > 0
    if ending != "xlsx":
        query = f"SELECT sum(n) AS n FROM read_log('{written}')"
        read_back = subprocess.run([FLOWDECK, "sql", query, "--format", "csv"], capture_output=True, text=True, timeout=60)
        assert read_back.stdout == "n\n6\n", read_back.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [("p.yaml", "first: 2\nword: b"), ("p.json", '{"first": 2, "word": "b"}'), ("p.toml", 'first = 2\nword = "b"')],
)
def test_parameters_in_files_and_yaml(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    file = tmp_path / "numbers.csv"
    ended = run(notebook(tmp_path, FORM, NUMBERS), "-f", tmp_path / name, "-y", "{last: 2}", "-p", "word=c", "--result", f"numbers={file}")
    assert ended.returncode == 0, ended.stderr
    assert file.read_text() == "n,word\n2,c\n", "the command line comes last"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-p", "lst=5"], "did you mean `last`"),
        (["-p", "last=many"], "parameter `last` (Last): `many` does not fit: it is no whole number. It takes a whole number of at most"),
        (["-p", "first=0"], "a whole number of at least 1"),
        (["-p", "start=yesterday"], "2026-11-25T10:36:00Z"),
        (["-p", "go=1"], "it is pressed"),
        (["-y", "- 1"], "holds no parameters"),
        (["-f", "nowhere.yaml"], "nowhere.yaml"),
        (["--press", "goo"], "did you mean `go`"),
        (["--result", "number=n.csv"], "did you mean `numbers`"),
        (["--result", "numbers=n.pdf"], "endings are"),
        (["--result", "numbers={wordd}.csv"], "did you mean `{word}`"),
        (["-o", "book.ipynb"], "the notebook itself"),
        (["--from", "2024-02-06", "--to", "2024-02-05"], "is not before"),
        (["--from", "2024-02-05", "--to", "2024-02-06", "--step", "soon"], "length of time"),
        (["--from", "2024-02-05", "--to", "2024-02-06", "--window", "first,last"], "there are: start, end"),
        (["--from", "2024-02-05", "--to", "2024-02-06", "-p", "start=now"], "gets the ends of the windows"),
    ],
)  # fmt: skip
def test_a_wrong_order_is_refused_before_anything_runs(tmp_path: Path, arguments: list[str], said: str) -> None:
    out = [] if "-o" in arguments else ["-o", "out.ipynb"]
    ended = run(notebook(tmp_path, FORM, NUMBERS), *arguments, *out, cwd=tmp_path)
    assert ended.returncode == 2 and said in ended.stderr, ended.stderr
    assert os.listdir(tmp_path) == ["book.ipynb"]


@pytest.mark.parametrize(("text", "said"), [(None, "there is no notebook"), ("{}", "does not tell its format"), ("PK", "is no notebook")])
def test_what_is_no_notebook_is_said(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "absent.ipynb"
    if text:
        path.write_text(text)
    ended = run(path, "-o", tmp_path / "out.ipynb")
    assert ended.returncode == 2 and said in ended.stderr and str(path) in ended.stderr, ended.stderr


def test_a_folder_that_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = run(notebook(tmp_path, FORM, HEAVY), "-o", tmp_path / "file" / "out.ipynb")
    assert ended.returncode == 1 and str(tmp_path / "file") in ended.stderr, "not after a query of hours"


def test_a_cell_that_fails_ends_the_run(tmp_path: Path) -> None:
    may_fail = new_code_cell("%%sql\nSELECT * FROM nowhere", metadata={"tags": ["raises-exception"]})
    path = notebook(tmp_path, may_fail, "%%sql\nSELECT nothing", "%%sql\nSELECT 1")
    ended = run(path, "-o", tmp_path / "out.ipynb")
    assert ended.returncode == 1, ended.stderr
    assert "error: cell 2 of 3 failed: SqlError" in ended.stderr and "note: cell 1 of 3" in ended.stderr
    written = read(tmp_path / "out.ipynb")
    first, second, third = [cell for cell in written.cells if cell.cell_type == "code"]
    assert [cell.outputs[-1].output_type for cell in (first, second)] == ["error", "error"] and third.outputs == []
    statuses = [cell.metadata.papermill.status for cell in (first, second, third)]
    assert statuses == ["failed", "failed", "pending"] and written.metadata.papermill.exception is True


def test_a_query_that_fails_costs_its_section(tmp_path: Path) -> None:
    """As on a page: the queries behind it are run, and the failure is said in the end."""
    path = notebook(tmp_path, FORM, "%%sql --on go --into broken\nSELECT * FROM nowhere", NUMBERS)
    ended = run(path, "-o", tmp_path / "out.ipynb", "--result", f"numbers={tmp_path / 'n.csv'}")
    assert ended.returncode == 1 and "`broken` failed" in ended.stderr
    broken, numbers = read(tmp_path / "out.ipynb").cells[2:]
    assert [output.output_type for output in broken.outputs] == ["display_data", "error"]
    assert "This did not work" not in json.dumps(numbers.outputs) and numbers.metadata.papermill.status == "completed"
    assert not (tmp_path / "n.csv").exists(), "no files of a run that failed"


def test_buttons_that_wait_are_told_of(tmp_path: Path) -> None:
    asks = '%%form\nname = { type = "text", required = true }\nask = { type = "button" }'
    path = notebook(tmp_path, FORM, NUMBERS, "%%sql --on more\nSELECT 1", asks, "%%sql --on ask --into asked\nSELECT $name AS name")
    ended = run(path)
    assert ended.returncode == 0
    assert "waits for the table `absent`" in ended.stderr and "`asked`: not run: name: fill in name" in ended.stderr
    only = run(path, "--press", "ask", "-p", "name=x", "--result", f"asked={tmp_path / 'asked.csv'}")
    assert only.returncode == 0 and "`numbers`: not run: the button `go` is not pressed" in only.stderr
    assert (tmp_path / "asked.csv").read_text() == "name\nx\n"
    asked_for = run(path, "--press", "ask", "--quiet")
    assert asked_for.returncode == 1 and "fill in name" in asked_for.stderr and "numbers" not in asked_for.stderr


def started(path: Path, *arguments: Any, **more: Any) -> subprocess.Popen[str]:
    command = [str(FLOWDECK), "run", str(path), *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **more)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_keeps_what_there_is(tmp_path: Path, sent: signal.Signals, code: int) -> None:
    out = tmp_path / "out.ipynb"
    running = started(notebook(tmp_path, FORM, NUMBERS, HEAVY, "%%sql\nSELECT 1"), "-o", out)
    assert running.stderr
    for line in running.stderr:
        if "`numbers`" in line:
            break
    time.sleep(0.5)
    asked = time.monotonic()
    running.send_signal(sent)
    assert running.wait(timeout=30) == code and time.monotonic() - asked < 5
    assert "error" not in running.stderr.read()
    _, _, numbers, heavy, last = read(out).cells
    assert "3 rows" in numbers.outputs[0].data["text/plain"]
    assert (heavy.metadata.papermill.status, last.metadata.papermill.status) == ("failed", "pending")


DAY = ["--from", "2024-02-05", "--to", "2024-02-06", "--step", "6h"]


def test_a_day_in_windows_after_a_power_cut(tmp_path: Path) -> None:
    # Time for the cut: a query of a second or so before the one that is wanted.
    slow = "%%sql --on go\nSELECT count(*) FROM range(1, 20000) a CROSS JOIN range(1, 8000) b WHERE a.value * b.value = -7"
    path = notebook(tmp_path, FORM, HOURS, slow)
    order = [*DAY, "-o", tmp_path / "out_{from}.ipynb", "--result", f"hours={tmp_path / 'hours.jsonl'}"]
    running = started(path, *order, start_new_session=True)
    assert running.stderr
    for line in running.stderr:
        if line.startswith("window 2"):
            break
    time.sleep(0.2)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert sorted(file.name for file in tmp_path.glob("*.jsonl")) == ["hours_20240205T000000Z.jsonl", "out_from.windows.jsonl"]
    ended = run(path, *order)
    assert ended.returncode == 0, ended.stderr
    assert "window 1 of 4, from 2024-02-05T00:00:00Z to 2024-02-05T06:00:00Z: done before" in ended.stderr
    assert ended.stderr.count("done before") == 1
    files = sorted(tmp_path.glob("hours_*.jsonl"))
    assert len(files) == 4 and len(list(tmp_path.glob("out_2024*.ipynb"))) == 4
    found = [row["start_time"] for file in files for row in rows(file)]
    query = "SELECT count(*) AS n FROM flows WHERE start_time >= '2024-02-05' AND start_time < '2024-02-06'"
    whole = subprocess.run([FLOWDECK, "sql", query, "--format", "csv"], capture_output=True, text=True, timeout=60)
    assert found == sorted(found, key=lambda text: datetime.fromisoformat(text or "")) and len(found) == int(whole.stdout.split()[1]) > 1000
    last = read(tmp_path / "out_20240205T180000Z.ipynb")
    assert last.metadata.papermill.parameters == {"start": "2024-02-05T18:00:00Z", "end": "2024-02-06T00:00:00Z"}
    again = run(path, *order)
    assert again.returncode == 0 and again.stderr.count("done before") == 4
    other = run(path, *order, "-p", "word=b")
    assert other.returncode == 2 and "--anew" in other.stderr, "what is done was done with other parameters"


def test_a_window_that_fails_is_run_again(tmp_path: Path) -> None:
    path = notebook(tmp_path, FORM, HOURS.replace("FROM flows", "FROM read_flows('later.parquet')"))
    order = [*DAY, "--result", f"hours={tmp_path / 'hours.csv'}"]
    assert run(path, *order).returncode == 1
    (tmp_path / "later.parquet").symlink_to(next((paths.DEMO_DATA / "flows").glob("*.parquet")))
    ended = run(path, *order)
    assert ended.returncode == 0 and "done before" not in ended.stderr, ended.stderr
    assert len(list(tmp_path.glob("hours_*.csv"))) == 4


def configured(folder: Path, text: str) -> dict[str, Any]:
    """The environment of a run with this configuration."""
    (folder / "flowdeck.toml").write_text(text)
    return {**os.environ, "FLOWDECK_CONFIG": str(folder / "flowdeck.toml")}


def test_windows_are_exact_when_clocks_go_back(tmp_path: Path) -> None:
    """02:00 to 03:00 in Prague comes twice that night, and a picker cannot tell which."""
    ends = "%%sql --on go --into ends\nSELECT $start AS s, $end AS e"
    env = configured(tmp_path, "[display]\ntime_zone = 'Europe/Prague'\n")
    path, file = notebook(tmp_path, FORM, ends), tmp_path / "ends.jsonl"
    night = ["--from", "2024-10-27T00:00", "--to", "2024-10-27T03:00", "--step", "1h"]
    ended = run(path, *night, "--result", f"ends={file}", env=env)
    assert ended.returncode == 0, ended.stderr
    found = [row for file in sorted(tmp_path.glob("ends_2*.jsonl")) for row in rows(file)]
    hours = [(f"2024-10-27T0{hour}", f"2024-10-27T0{hour + 1}") for hour in range(3)]
    assert [tuple((row[name] or "")[:13] for name in ("s", "e")) for row in found] == hours
    given = ["-p", "start=2024-10-27T02:30:00+01:00", "-p", "end=2024-10-27T01:45:00.250Z"]
    assert run(path, *given, "--result", f"ends={file}", env=env).returncode == 0
    (row,) = rows(file)
    assert (row["s"] or "").startswith("2024-10-27T01:30:00") and (row["e"] or "").startswith("2024-10-27T01:45:00.25"), row


def test_a_result_that_is_cut_is_not_written(tmp_path: Path) -> None:
    many = "%%sql --into many{}\nSELECT value AS n FROM range(0, 10000002)"
    file, out = tmp_path / "many.parquet", tmp_path / "out.ipynb"
    ended = run(notebook(tmp_path, FORM, many.format("")), "--result", f"many={file}", "-o", out, "--quiet")
    assert ended.returncode == 1 and "`many` has more rows than the 10,000,000" in ended.stderr, ended.stderr
    assert not file.exists() and read(out).metadata.papermill.exception
    ended = run(notebook(tmp_path, FORM, many.format(" --limit 3")), "--result", f"many={file}")
    assert ended.returncode == 0 and file.exists() and "more rows than its --limit" in ended.stderr, ended.stderr


def test_what_is_known_of_rows_is_told(tmp_path: Path) -> None:
    good = '{"ts": 1707130000.5, "uid": "a", "id.orig_h": "10.0.0.1", "id.orig_p": 1, "id.resp_h": "10.0.0.2", "id.resp_p": 2, "proto": "tcp"}\n'
    (tmp_path / "conn.log").write_text(good + "{broken\n" + good)
    file = tmp_path / "all.csv"
    path = notebook(tmp_path, FORM, "%%sql --into everything\nSELECT * FROM read_log('conn.log')")
    ended = run(path, "--result", f"everything={file}", "--quiet")
    assert ended.returncode == 0 and file.exists(), ended.stderr
    assert "note: `everything`: 1 row" in ended.stderr and "rejected" in ended.stderr, ended.stderr


def test_options_that_are_looked_up_can_be_given(tmp_path: Path) -> None:
    header = "start_time,src_ip,dst_ip,protocol,bytes\n"
    for size, name in enumerate(("first", "second")):
        (tmp_path / f"{name}.csv").write_text(f"{header}2024-02-05T10:00:00Z,10.0.0.1,10.0.0.2,6,{size}\n")
    env = configured(tmp_path, "".join(f"[sources.{name}]\nlocation = '{name}.csv'\n" for name in ("first", "second")))
    form = '%%form\nsource = { type = "choice", options_from = "sources" }\ngo = { type = "button" }'
    path, file = notebook(tmp_path, form, "%%sql --on go --into sizes\nSELECT bytes FROM read_source($source)"), tmp_path / "sizes.csv"
    ended = run(path, "-p", "source=second", "--result", f"sizes={file}", env=env)
    assert ended.returncode == 0 and file.read_text() == "bytes\n1\n", ended.stderr
    ended = run(path, "-p", "source=third", "--result", f"sizes={file}", env=env)
    assert ended.returncode == 1 and "`third` is none of the options" in ended.stderr, ended.stderr
    assert run(path, "-y", "source: [first, second]", "--result", f"sizes={file}", env=env).returncode == 2


RUST_PARAMETERS = 'let limit = 10;\nlet name = "a";'


def test_rust_cells_with_parameters(tmp_path: Path) -> None:
    path = notebook(
        tmp_path,
        new_code_cell(RUST_PARAMETERS, metadata={"tags": ["parameters"]}),
        FORM,
        NUMBERS,
        'let count = flowdeck::sql("SELECT n FROM numbers")?.row_count();\nprintln!("{name} {} {count}", limit + 1);',
        'flowdeck::input("?")?',
    )
    ended = run(path, "-p", "limit", "41", "-p", "name=b", "-p", "last=7", "-o", tmp_path / "out.ipynb")
    assert ended.returncode == 1 and "does not allow it" in ended.stderr, "nobody can be asked"
    written = read(tmp_path / "out.ipynb")
    injected = [cell.source for cell in written.cells if "injected-parameters" in cell.metadata.get("tags", [])]
    assert injected == ['%%parameters\nlast = "7"', '// Parameters\nlet limit = 41;\nlet name = "b";']
    printed = [output.text for cell in written.cells for output in cell.get("outputs", []) if output.output_type == "stream"]
    assert printed == ["b 42 7\n"]


def test_playbooks_need_no_compiler(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path), "HOME": str(tmp_path)}
    environment.pop("CARGO_HOME", None)
    environment.pop("RUSTUP_HOME", None)
    playbook = paths.NOTEBOOKS / "detection" / "scans.ipynb"
    ended = run(playbook, "--result", f"scans={tmp_path / 'scans.csv'}", env=environment)
    assert ended.returncode == 0 and len((tmp_path / "scans.csv").read_text().splitlines()) > 1, ended.stderr


def test_a_terminal_shows_a_bar(tmp_path: Path) -> None:
    here, there = pty.openpty()
    path = notebook(tmp_path, FORM, NUMBERS)
    ended = subprocess.Popen([FLOWDECK, "run", path, "-o", tmp_path / "out.ipynb"], stderr=there, stdin=there)
    os.close(there)
    seen = b""
    try:
        while part := os.read(here, 4096):
            seen += part
    except OSError:
        pass  # The other end is closed.
    assert ended.wait(timeout=30) == 0
    assert b"\x1b[" in seen and b"2/2" in seen and b"3 rows in" in seen, seen
    plain = run(path, "-o", tmp_path / "out.ipynb").stderr
    assert "\x1b" not in plain and "`numbers`: 3 rows in" in plain
