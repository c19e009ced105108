"""`import flowdeck` in a Python notebook: the engine as a function."""

import importlib
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest
from harness import paths

MODULE_FOLDER = paths.ROOT / "python-shim" / "src"
FLOWS = paths.DEMO_DATA / "flows"


@pytest.fixture
def flowdeck(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(MODULE_FOLDER)
    monkeypatch.setenv("FLOWDECK_BIN", str(paths.TARGET / "debug" / "flowdeck"))
    return importlib.import_module("flowdeck")


def test_a_query_over_a_configured_source(flowdeck: ModuleType) -> None:
    rows = flowdeck.sql("SELECT src_ip, start_time, bytes FROM flows ORDER BY start_time, uid LIMIT 5")
    assert rows.num_rows == 5 and pa.types.is_timestamp(rows.schema.field("start_time").type)
    assert all(isinstance(address, str) and address.count(".") == 3 for address in rows["src_ip"].to_pylist())
    (binary,) = flowdeck.sql("SELECT src_ip FROM flows LIMIT 1", addresses="binary")["src_ip"].to_pylist()
    assert len(binary) == 16


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("ip_in(src_ip, $x)", ip_network("10.0.0.0/8")),
        ("ip_in(src_ip, $x)", "10.0.0.0/8"),
        ("dst_port = ANY($x)", [53, 443]),
        ("protocol_name = ANY($x)", {"tcp"}),
        ("protocol = $x", 6),
        ("bytes > $x", 99.5),
        ("end_time - start_time < $x", timedelta(seconds=1.5)),
        ("start_time > $x", datetime(1999, 1, 1, tzinfo=UTC)),
        ("($x OR src_ip IS NULL)", True),
        ("$x IS NULL", None),
    ],
)
def test_values_are_bound_whatever_their_type(flowdeck: ModuleType, condition: str, value: object) -> None:
    (found,) = flowdeck.sql(f"SELECT count(*) AS n FROM flows WHERE {condition}", {"x": value})["n"].to_pylist()
    assert found > 0


def test_a_value_is_never_part_of_the_text(flowdeck: ModuleType) -> None:
    hostile = "x' OR '1'='1"
    rows = flowdeck.sql("SELECT count(*) AS n, $x AS x FROM flows WHERE protocol_name = $x", {"x": hostile})
    assert rows.to_pylist() == [{"n": 0, "x": hostile}]


def test_tables_of_python_and_files_are_sources(flowdeck: ModuleType, tmp_path: Path) -> None:
    (flow,) = flowdeck.sql("SELECT src_ip FROM flows LIMIT 1").to_pylist()
    watched = pa.table({"address": [flow["src_ip"]], "why": ["suspicious"]})
    rows = flowdeck.sql(
        "SELECT why, count(*) AS n FROM f JOIN watched ON f.src_ip = watched.address GROUP BY 1",
        sources={"watched": watched, "f": FLOWS / "*.parquet"},
    )
    assert rows["why"].to_pylist() == ["suspicious"] and rows["n"].to_pylist()[0] >= 1


def test_errors_are_the_engines_words(flowdeck: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(flowdeck.QueryError, match="(?s)src_op.*hint: .*src_ip"):
        flowdeck.sql("SELECT src_op FROM flows")
    with pytest.raises(flowdeck.QueryError, match="`x` has no zone"):
        flowdeck.sql("SELECT $x", {"x": datetime(2026, 1, 1)})
    with pytest.raises(flowdeck.QueryError, match="beyond the whole numbers"):
        flowdeck.sql("SELECT $x", {"x": 2**64})
    monkeypatch.setenv("FLOWDECK_BIN", "/nowhere/flowdeck")
    with pytest.raises(flowdeck.BinaryNotFound, match="FLOWDECK_BIN"):
        flowdeck.sql("SELECT 1")
    monkeypatch.setitem(sys.modules, "pyarrow.ipc", None)
    with pytest.raises(ImportError, match=r"flowdeck\[arrow\]"):
        flowdeck.sql("SELECT 1")
