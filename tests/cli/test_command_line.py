"""`flowdeck` in a terminal: the same answers as in a notebook, and errors that say what to do."""

import json
import subprocess

import pytest
from harness import paths

FLOWDECK = paths.TARGET / "debug" / "flowdeck"


def flowdeck(*arguments: str, **more) -> subprocess.CompletedProcess:
    return subprocess.run([FLOWDECK, *arguments], capture_output=True, text=True, timeout=120, **more)


def test_query_over_a_source_in_every_printable_format() -> None:
    source = f"conn={paths.zeek_conn_log()}"
    query = "SELECT protocol_name, count(*) AS flows FROM conn GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
    table = flowdeck("sql", query, "--source", source)
    assert table.returncode == 0, table.stderr
    assert "protocol_name" in table.stdout and "1 row" in table.stdout
    csv = flowdeck("sql", query, "--source", source, "--format", "csv").stdout.splitlines()
    assert csv[0] == "protocol_name,flows"
    name, flows = csv[1].split(",")
    (row,) = map(json.loads, flowdeck("sql", query, "--source", source, "--format", "json").stdout.splitlines())
    assert row == {"protocol_name": name, "flows": int(flows)}


@pytest.mark.parametrize("format", ["parquet", "arrow", "csv", "json"])
def test_a_written_file_reads_back_the_same(tmp_path, format: str) -> None:
    out = tmp_path / f"out.{format}"
    query = f"SELECT uid, orig_bytes, ts FROM read_log('{paths.zeek_conn_log()}') ORDER BY ts, uid"
    wrote = flowdeck("sql", query, "--format", format, "-o", str(out))
    assert wrote.returncode == 0, wrote.stderr
    count = "SELECT count(*) AS n, count(orig_bytes) AS known, sum(orig_bytes) AS total FROM "
    there = flowdeck("sql", f"{count} read_log('{out}')", "--format", "csv").stdout
    here = flowdeck("sql", f"{count} read_log('{paths.zeek_conn_log()}')", "--format", "csv").stdout
    assert there == here and here.count("\n") == 2
    again = flowdeck("sql", query, "--format", format, "-o", str(out))
    assert again.returncode == 1 and "hint:" in again.stderr, "an existing file is not replaced silently"


def test_errors_are_for_people(tmp_path) -> None:
    liar = tmp_path / "flows.parquet"
    liar.write_text("this is no parquet\n")
    for arguments, fact in (
        (["sql", "SELEC 1"], "SELEC"),
        (["sql", f"SELECT * FROM read_flows('{liar}')"], "flows.parquet"),
        (["sql", "SELECT * FROM read_log('nowhere/at/all.log')"], "nowhere/at/all.log"),
        (["sql", "SELECT 1", "--source", "nameonly"], "NAME=PATH"),
        (["sql", "SELECT 1", "--format", "xml"], "parquet"),
        (["kernel", "-f", str(tmp_path / "absent.json")], "absent.json"),
    ):
        ended = flowdeck(*arguments)
        assert ended.returncode != 0 and fact in ended.stderr, f"{arguments}: {ended.stderr}"
        assert "panicked" not in ended.stderr


def test_a_closed_pipe_is_no_error() -> None:
    shell = f"'{FLOWDECK}' sql 'SELECT * FROM range(1, 200000)' --format csv | head -1"
    ended = subprocess.run(["bash", "-o", "pipefail", "-c", shell], capture_output=True, text=True, timeout=60)
    assert ended.stdout == "value\n" and ended.stderr == "" and ended.returncode == 0
