"""Tables as their pages see them: every place of a result, sorted, filtered, copied and exported, and nothing more."""

import io
import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from harness.front_end import VIEW, FrontEnd
from harness.kernel import Kernel
from harness.tables import Refused, TablePage, tables

LONG = "%%sql\nSELECT value AS n, value * 37 % 1000003 AS shuffled, concat('10.', value / 65536 % 256, '.', value / 256 % 256, '.', value % 256) AS address FROM generate_series(0, 999999) ORDER BY value"


@pytest.fixture
def kernel(new_kernel) -> Kernel:
    return new_kernel()


def table_of(kernel: Kernel, code: str) -> TablePage:
    page = FrontEnd(kernel)
    cell = kernel.execute(code)
    assert cell.status == "ok", cell
    (result,) = [m for m in cell.iopub if m["msg_type"] in ("execute_result", "display_data")]
    comm = result["content"]["data"][VIEW]["model_id"]
    assert tables(page)[-1] == comm
    return TablePage(page, comm)


def test_a_table_comes_with_its_first_rows_and_stand_ins(kernel: Kernel) -> None:
    page = FrontEnd(kernel)
    cell = kernel.execute(
        "%%sql\nSELECT a.n, NULL AS nothing, b.n FROM (SELECT 18446744073709551615 AS n) a CROSS JOIN (SELECT 'x' AS n) b"
    )
    (result,) = cell.of_type("execute_result")
    data = result["content"]["data"]
    assert set(data) == {"text/plain", "text/html", VIEW}
    assert "18446744073709551615" in data["text/plain"] and "<table" in data["text/html"]
    table = TablePage(page, data[VIEW]["model_id"])
    assert [column["name"] for column in table.columns] == ["n", "nothing", "n"], "two columns of one name"
    assert table.columns[0]["kind"] == "number"
    assert table.first_rows() == [["18446744073709551615", None, "x"]]
    model = page.models[table.comm]
    assert model["_model_module"] == "anywidget" and model["_model_module_version"] == "*"


def test_a_limit_of_zero_is_none(kernel: Kernel) -> None:
    everything = "SELECT value AS n FROM generate_series(1, 10000001)"
    cell = kernel.execute(f"%%sql --limit 0\n{everything}")
    assert "10,000,001 rows" in cell.text and "more" not in cell.text, cell.text
    bounded = kernel.execute(f"%%sql\n{everything}")
    assert "10,000,000 rows" in bounded.text and "there are more" in bounded.text, bounded.text
    table = table_of(kernel, f"%%sql --limit 0\n{everything}")
    assert table.look() == 10_000_001
    assert table.rows(10_000_000, 1) == [["10000001"]]


def test_the_code_goes_out_once_for_all_tables(kernel: Kernel) -> None:
    page = FrontEnd(kernel)
    for number in range(3):
        kernel.execute(f"%%sql\nSELECT {number} AS n")
    opened = tables(page)
    assert len(opened) == 3
    libraries = [comm for comm, model in page.models.items() if "_code" in model]
    assert len(libraries) == 1
    assert all(page.models[comm]["_library"] == libraries[0] for comm in opened)
    sizes = [len(json.dumps(page.models[comm])) for comm in opened]
    assert max(sizes) < 4_000, sizes


def test_any_place_of_a_long_table_is_there(kernel: Kernel) -> None:
    table = table_of(kernel, LONG)
    assert table.view["count"] == 1_000_000
    assert table.rows(0, 1)[0][0] == "0"
    assert [row[0] for row in table.rows(999_990, 100)] == [str(n) for n in range(999_990, 1_000_000)]
    assert table.rows(500_000, 2, [2, 0]) == [["10.7.161.32", "500000"], ["10.7.161.33", "500001"]]
    assert table.rows(2_000_000, 10) == []


def test_sort_and_filter_see_every_row(kernel: Kernel) -> None:
    table = table_of(kernel, LONG)
    assert table.look(sort=[{"column": 1, "descending": True}]) == 1_000_000
    greatest = max((n * 37 % 1_000_003, n) for n in range(1_000_000))
    assert table.rows(0, 1)[0][:2] == [str(greatest[1]), str(greatest[0])]
    filters = [{"column": 2, "condition": {"is": "within", "list": "10.1.0.0/16, !10.1.2.0/24"}}]
    assert table.look(filters=filters, sort=[]) == 65_536 - 256
    assert table.rows(0, 1)[0][0] == "65536"
    assert table.look(filters=[*filters, {"column": 0, "condition": {"is": "between", "min": "70000", "max": "70009"}}]) == 10
    assert table.look(filters=[{"column": 2, "condition": {"is": "matches", "pattern": r"^10\.0\.0\.[12]$"}}]) == 2
    assert table.look(filters=[{"column": 0, "negate": True, "condition": {"is": "null"}}]) == 1_000_000
    assert table.look(search="10.15.66.63") == 1
    assert table.look() == 1_000_000
    assert table.rows(7, 1)[0][0] == "7"


def test_missing_values_and_nan_stand_last_and_ties_keep_their_order(kernel: Kernel) -> None:
    table = table_of(
        kernel,
        "%%sql\nSELECT * FROM (VALUES (1, 2.5, 'b'), (2, NULL, 'a'), (3, CAST('NaN' AS DOUBLE), 'b'), (4, -1.0, 'a')) AS t(n, x, s)",
    )
    table.look(sort=[{"column": 1, "descending": True}])
    assert [row[0] for row in table.rows(0, 4)] == ["1", "4", "2", "3"]
    table.look(sort=[{"column": 2}])
    assert [row[0] for row in table.rows(0, 4)] == ["2", "4", "1", "3"]
    table.look(sort=[{"column": 2}, {"column": 0, "descending": True}])
    assert [row[0] for row in table.rows(0, 4)] == ["4", "2", "3", "1"]


def test_values_are_shown_exactly(kernel: Kernel) -> None:
    table = table_of(
        kernel,
        "%%sql\nSELECT TIMESTAMP '2024-01-02T03:04:05.678901234' AS plain, "
        "arrow_cast('2024-01-02T03:04:05Z', 'Timestamp(Nanosecond, Some(\"UTC\"))') AS zoned, "
        "[1, NULL, 3] AS list, named_struct('a', 1, 'b', 'x') AS nested, X'00ff' AS bytes, 9007199254740993 AS big, "
        "arrow_cast(90, 'Duration(Second)') AS span, true AS yes",
    )
    kinds = {column["name"]: column["kind"] for column in table.columns}
    assert kinds == {
        "plain": "time", "zoned": "time", "list": "nested", "nested": "nested",
        "bytes": "binary", "big": "number", "span": "duration", "yes": "boolean",
    }  # fmt: skip
    (row,) = table.rows(0, 1)
    assert row[0] == "2024-01-02T03:04:05.678901234"
    assert row[1] == "2024-01-02T03:04:05Z"
    assert row[2] == "[1, NULL, 3]"
    assert row[3] == "{a: 1, b: x}"
    assert row[4:6] == ["00ff", "9007199254740993"]
    assert "1" in row[6] and "30" in row[6], row[6]
    assert table.look(filters=[{"column": 1, "condition": {"is": "between", "min": "2024-01-02 03:04:05", "max": "2024-01-03"}}]) == 1
    assert table.look(filters=[{"column": 1, "condition": {"is": "between", "min": "2024-01-02 03:04:06"}}]) == 0
    assert table.look(filters=[{"column": 6, "condition": {"is": "between", "min": "89.5", "max": "90"}}]) == 1
    assert table.look(filters=[{"column": 5, "condition": {"is": "between", "min": "9007199254740993", "max": "9007199254740993"}}]) == 1
    assert table.look(filters=[{"column": 5, "condition": {"is": "between", "max": "9007199254740992"}}]) == 0


def test_a_summary_tells_what_is_in_a_column(kernel: Kernel) -> None:
    table = table_of(kernel, "%%sql\nSELECT CASE WHEN value % 4 = 0 THEN NULL ELSE value % 4 END AS n, value AS m FROM generate_series(1, 4000)")
    summary = table.ask({"summary": {"column": 0}})[0]["summary"]
    assert (summary["row_count"], summary["null_count"], summary["distinct_count"]) == (4000, 1000, 3)
    assert (summary["min"], summary["max"]) == ("1", "3")
    assert sum(entry["count"] for entry in summary["bins"]) == 3000
    assert sorted(entry["text"] for entry in summary["common"]) == ["1", "2", "3"]
    table.look(filters=[{"column": 1, "condition": {"is": "between", "max": "4"}}])
    assert table.ask({"summary": {"column": 1}})[0]["summary"]["row_count"] == 4, "of the rows that are seen"


def test_copies_are_plain_defanged_or_for_sql(kernel: Kernel) -> None:
    table = table_of(kernel, "%%sql\nSELECT * FROM (VALUES ('evil.example', 1), (NULL, 2), ('it''s', 3), ('evil.example', 4)) AS t(name, n)")

    def copied(columns: list[int], form: str, **more: object) -> str:
        copy = {"start": 0, "count": 4, "columns": columns, "form": form, **more}
        return table.ask({"copy": {"view": table.view["version"], "copy": copy}})[0]["text"]

    assert copied([0, 1], "plain") == "evil.example\t1\n\t2\nit's\t3\nevil.example\t4"
    assert copied([1], "plain", header=True).splitlines() == ["n", "1", "2", "3", "4"]
    assert copied([0], "defanged").startswith("evil[.]example")
    assert copied([0], "sql") == "('evil.example', 'it''s')"
    assert copied([1], "sql") == "(1, 2, 3, 4)"
    with pytest.raises(Refused, match="one column"):
        copied([0, 1], "sql")


def test_exports_are_what_is_seen_or_all_and_nothing_is_overwritten(kernel: Kernel, tmp_path: Path) -> None:
    table = table_of(kernel, LONG)
    table.look(filters=[{"column": 0, "condition": {"is": "between", "max": "3"}}], sort=[{"column": 0, "descending": True}])
    name, content = table.download(format="csv", columns=[0])
    assert content == b"n\r\n3\r\n2\r\n1\r\n0\r\n"
    assert re.fullmatch(r"notebook_\d{8}T\d{6}Z\.csv", name), name
    _, content = table.download(format="json", columns=[0])
    assert [json.loads(line) for line in content.splitlines()] == [{"n": n} for n in (3, 2, 1, 0)]
    _, content = table.download(format="markdown", columns=[0])
    assert content.decode() == "| n |\n| ---: |\n| 3 |\n| 2 |\n| 1 |\n| 0 |\n"
    assert table.download(format="parquet")[1][:4] == b"PAR1"
    assert table.download(format="arrow")[1][:6] == b"ARROW1"
    order = {"view": 0, "format": "csv", "scope": "all", "destination": "folder", "columns": []}
    small = table_of(kernel, "%%sql\nSELECT value AS n FROM generate_series(1, 20000)")
    small.look(filters=[{"column": 0, "condition": {"is": "between", "max": "3"}}])
    order["view"] = small.view["version"]
    paths = [kernel.folder / small.ask({"export": order})[0]["path"] for _ in range(2)]
    assert paths[0] != paths[1] and paths[0].parent == kernel.folder / "data" / "notebook"
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes().count(b"\r\n") == 20_001


def test_formulas_are_disarmed_in_exports(kernel: Kernel) -> None:
    table = table_of(kernel, "%%sql\nSELECT '=cmd|'' /C calc''!A0' AS f")
    assert table.download(format="csv")[1] == b"f\r\n\"'=cmd|' /C calc'!A0\"\r\n"
    (_, cell), = sheet(table.download(format="xlsx")[1]).iter_cols()
    assert (cell.value, cell.data_type, cell.quotePrefix) == ("=cmd|' /C calc'!A0", "s", True), "text, and it stays so"


def sheet(content: bytes) -> Any:
    (only,) = openpyxl.load_workbook(io.BytesIO(content)).worksheets
    return only


def test_a_spreadsheet_holds_values_of_their_kind(kernel: Kernel) -> None:
    table = table_of(
        kernel,
        """%%sql
SELECT 18446744073709551615 AS large, 42 AS small, 0.5 AS share, true AS yes, arrow_cast(1700006400250, 'Timestamp(Millisecond, Some("UTC"))') AS at,
  arrow_cast('2024-02-29', 'Date32') AS day, src_ip AS ip, [1, 2] AS list, NULL AS nothing,
  chr(27) || '_x0041_' AS odd, repeat('é', 40000) AS long, 'a' AS same, 'b' AS same_1, arrow_cast(90, 'Duration(Second)') AS lasts FROM flows LIMIT 1""",
    )
    head, row = sheet(table.download(format="xlsx")[1]).iter_rows()
    names = [cell.value for cell in head]
    assert names[:5] == ["large", "small", "share", "yes", "at (UTC)"], names
    values = dict(zip(names, [cell.value for cell in row], strict=True))
    assert values["large"] == "18446744073709551615", "a spreadsheet would round it"
    assert (values["small"], values["share"], values["yes"], values["nothing"]) == (42, 0.5, True, None)
    assert values["at (UTC)"] == datetime(2023, 11, 15, 0, 0, 0, 250_000) and values["day"] == datetime(2024, 2, 29)
    assert re.fullmatch(r"[0-9.]+", values["ip"]) and (values["list"], values["lasts"]) == ("[1, 2]", timedelta(seconds=90)), values
    assert openpyxl.utils.escape.unescape(values["odd"]).endswith("_x0041_")
    assert 10_000 < len(values["long"]) <= 32_767 and values["long"].endswith("holds no more)")


def test_more_rows_than_a_sheet_holds_are_refused_before_they_are_written(kernel: Kernel) -> None:
    table = table_of(kernel, "%%sql\nSELECT value AS n FROM generate_series(1, 1048576)")
    with pytest.raises(Refused, match="1,048,575 rows, and these are 1,048,576"):
        table.download(format="xlsx")
    table.look(filters=[{"column": 0, "condition": {"is": "between", "max": "1048575"}}])
    assert sum(1 for _ in sheet(table.download(format="xlsx")[1]).iter_rows()) == 1_048_576


def test_the_selected_rows_are_a_table(kernel: Kernel) -> None:
    table = table_of(kernel, "%%sql --selection picked\nSELECT value AS n, value * 10 AS m FROM generate_series(1, 1000)")
    count = lambda: kernel.execute("%%sql\nSELECT count(*) AS c, sum(m) AS s FROM picked").text  # noqa: E731
    assert "0" in count() and "NULL" in count(), "there, and empty"
    table.look(sort=[{"column": 0, "descending": True}])
    answer, _ = table.ask({"select": {"view": table.view["version"], "start": 0, "count": 2}})
    assert answer == {"rows": 2}
    assert "19990" in count(), "the rows as they are seen, with all columns"
    cell = kernel.execute('flowdeck::sql("SELECT n FROM picked ORDER BY n").unwrap().column::<i64>("n").unwrap()')
    assert "[999, 1000]" in cell.text
    assert table.ask({"select": {"view": table.view["version"], "start": 5, "count": 0}})[0] == {"rows": 0}
    with pytest.raises(Refused, match="selected rows"):
        table.ask({"select": {"view": table.view["version"], "start": 0, "count": 100_001}})
    other = table_of(kernel, "%%sql\nSELECT 1 AS n")
    with pytest.raises(Refused, match="not asked for"):
        other.ask({"select": {"view": 0, "start": 0, "count": 1}})


def test_rust_hears_of_the_row_whose_button_is_pressed(kernel: Kernel) -> None:
    page = FrontEnd(kernel)
    cell = kernel.execute(
        'let t = flowdeck::sql("SELECT value AS n, concat(\'host-\', value) AS name FROM generate_series(1, 20000) ORDER BY value").unwrap();\n'
        't.on_row("Look up", |row| println!("asked for {}", row.get::<String>("name").unwrap())).unwrap();\n'
        't.on_row("Fail", |row| panic!("no {}", row.get::<i64>("n").unwrap())).unwrap();\nt'
    )
    assert cell.status == "ok", cell
    table = TablePage(page, tables(page)[-1])
    assert page.value(table.comm, "_actions") == ["Look up", "Fail"]
    table.look(sort=[{"column": 0, "descending": True}])
    table.ask({"act": {"view": table.view["version"], "row": 0, "action": 0}})
    output = page.find("OutputModel")
    page.until(lambda: "asked for host-20000" in json.dumps(page.value(output, "outputs")), "what the action printed")
    table.ask({"act": {"view": table.view["version"], "row": 19_999, "action": 1}})
    page.until(lambda: "no 1" in json.dumps(page.value(output, "outputs")), "the panic of the action")
    table.ask({"act": {"view": table.view["version"], "row": 1, "action": 0}})
    page.until(lambda: "asked for host-19999" in json.dumps(page.value(output, "outputs")), "the next press")
    for act in ({"row": 0, "action": 2}, {"row": 20_000, "action": 0}):
        with pytest.raises(Refused):
            table.ask({"act": {"view": table.view["version"], **act}})


def test_what_a_page_may_not_ask_is_refused(kernel: Kernel) -> None:
    table = table_of(kernel, "%%sql\nSELECT 1 AS n, [1] AS l")
    for request, reason in [
        ({"view": {"sort": [{"column": 9}]}}, "no column number 9"),
        ({"view": {"sort": [{"column": 1}]}}, "sorting"),
        ({"view": {"sort": [{"column": 0}] * 9}}, "at most 8"),
        ({"view": {"filters": [{"column": 0, "condition": {"is": "null"}}] * 33}}, "at most 32"),
        ({"view": {"search": "x" * 1001}}, "too long"),
        ({"view": {"filters": [{"column": 0, "condition": {"is": "matches", "pattern": "("}}]}}, "not a regular expression"),
        ({"view": {"filters": [{"column": 0, "condition": {"is": "matches", "pattern": "(.{999}){999}"}}]}}, "not a regular expression"),
        ({"view": {"filters": [{"column": 0, "condition": {"is": "between", "min": "many"}}]}}, "`many` is not a value"),
        ({"view": {"filters": [{"column": 0, "condition": {"is": "within", "list": "10.0.0.0/8"}}]}}, "not possible"),
        ({"page": {"view": 0, "page": {"start": 0, "count": 1001, "columns": [0]}}}, "at most 1000"),
        ({"page": {"view": 0, "page": {"start": 0, "count": 1, "columns": [5]}}}, "no column number 5"),
        ({"value": {"view": 0, "row": 1, "column": 0}}, "no row 1"),
        ({"copy": {"view": 0, "copy": {"start": 0, "count": 10**15, "columns": [0], "form": "plain"}}}, "at most"),
        ({"part": {"download": 77, "part": 0}}, "over"),
        (
            {"export": {"view": 0, "format": "../x", "scope": "all", "destination": "folder", "columns": []}},
            "no such format",
        ),
    ]:
        with pytest.raises(Refused, match=re.escape(reason)):
            table.ask(request)
    assert table.rows(0, 1) == [["1", "[1]"]], "and it goes on"


def test_odd_messages_are_dropped_and_the_state_cannot_be_changed(kernel: Kernel) -> None:
    table = table_of(kernel, "%%sql\nSELECT 1 AS n")
    for odd in ({"sql": "SELECT 2"}, {"view": {"sql": "SELECT 2"}}, "stop", None, {"page": {}}):
        table.start(odd)
    table.page.change(table.comm, _view={"version": 0, "count": 10**9}, _esm="alert(1)")
    assert table.rows(0, 1) == [["1"]]
    assert table.page.kernel.request("kernel_info_request").status == "ok"
    other = FrontEnd(kernel)
    other.look()
    assert other.models[table.comm]["_view"]["count"] == 1


def test_a_long_sort_is_stopped_and_does_not_hold_up_pages(kernel: Kernel) -> None:
    table = table_of(
        kernel,
        "%%sql\nSELECT concat('name ', random()) AS a, concat('name ', random()) AS b FROM generate_series(1, 400000)",
    )
    request = {"search": "no such text anywhere", "sort": [{"column": 0}, {"column": 1}]}
    slow = table.start({"view": request})
    assert len(table.rows(200_000, 100)) == 100
    assert not table.find(slow), "the page came first"
    table.ask({"stop": {}})
    with pytest.raises(Refused, match="Stopped"):
        table.answer(slow, 10)
    assert table.view["version"] == 0


def test_two_pages_share_the_order_and_each_takes_its_own_answers(kernel: Kernel) -> None:
    table = table_of(kernel, LONG)
    other = TablePage(table.page, table.comm, client="3-4")
    table.look(sort=[{"column": 0, "descending": True}])
    assert table.rows(0, 1)[0][0] == "999999"
    assert other.rows(0, 1)[0][0] == "999999"
    answer, buffers = other.ask({"page": {"view": 0, "page": {"start": 0, "count": 1, "columns": [0]}}})
    assert answer == {"stale": True} and buffers == [], "a page that has not heard of the new order yet"


def test_a_cell_that_runs_again_replaces_its_table(kernel: Kernel) -> None:
    page = FrontEnd(kernel)
    for _ in range(2):
        cell = kernel.send("execute_request", {"code": "%%sql\nSELECT 1 AS n", "silent": False}, metadata={"cellId": "a"})
        kernel.finish(cell)
    assert len(tables(page)) == 1


def test_a_result_from_rust_becomes_one_table_for_all_its_displays(kernel: Kernel) -> None:
    page = FrontEnd(kernel)
    cell = kernel.execute('let t = flowdeck::sql("SELECT value AS n FROM generate_series(1, 100000)").unwrap();\nflowdeck::display(&t);\nt')
    assert cell.status == "ok", cell
    views = [m["content"]["data"][VIEW]["model_id"] for m in cell.iopub if VIEW in m["content"].get("data", {})]
    assert len(views) == 2 and len(set(views)) == 1
    assert "application/vnd.flowdeck.table+json" not in json.dumps([m["content"] for m in cell.outputs], default=str)
    assert TablePage(page, views[0]).rows(99_999, 5) == [["100000"]]
    kernel.execute('flowdeck::sql("SELECT 1").unwrap();')
    assert len(tables(page)) == 1, "a result that nobody shows makes no table"


def test_a_cell_saves_a_result(kernel: Kernel) -> None:
    cell = kernel.execute(
        'let t = flowdeck::sql("SELECT value AS n FROM generate_series(1, 3) ORDER BY value").unwrap();\n'
        'println!("{}", t.save("csv").unwrap().display()); println!("{}", t.save("xml").unwrap_err());'
    )
    path, refusal = cell.stream().split("\n", 1)
    assert (kernel.folder / path).read_bytes() == b"n\r\n1\r\n2\r\n3\r\n"
    assert "no format `xml`" in refusal and "parquet" in refusal


def test_a_value_goes_to_the_field_that_the_author_named(kernel: Kernel) -> None:
    kernel.execute('%%form\nsrc = { type = "ip_list", label = "Src IP" }\nport = { type = "int", label = "Port" }')
    table = table_of(kernel, "%%sql --fill a=src --fill p=port --fill a=gone --fill gone=src\nSELECT '10.1.2.3' AS a, 443 AS p, 'x' AS q")
    page = table.page
    assert [(fill["column"], fill["label"]) for fill in page.value(table.comm, "_fills")] == [(0, "Src IP"), (1, "Port")]
    answer, _ = table.ask({"fill": {"view": 0, "row": 0, "fill": 0}})
    assert answer == {"label": "Src IP", "text": "10.1.2.3"}
    page.until(lambda: page.value(page.find("TextModel")) == "10.1.2.3", "the address in the field")
    table.ask({"fill": {"view": 0, "row": 0, "fill": 1}})
    assert "443" in kernel.execute("%%sql\nSELECT $port AS p, $src AS s").text
    with pytest.raises(Refused, match="no such field"):
        table.ask({"fill": {"view": 0, "row": 0, "fill": 2}})


def test_a_result_larger_than_memory_is_sorted_all_the_same(new_kernel) -> None:
    kernel = new_kernel(env={"FLOWDECK_MEMORY_LIMIT": "128M"})
    table = table_of(kernel, "%%sql\nSELECT value AS n, concat('a rather long text ', value) AS t FROM generate_series(1, 2000000)")
    assert table.view["count"] == 2_000_000
    table.look(sort=[{"column": 0, "descending": True}])
    assert table.rows(1_999_999, 1) == [["1", "a rather long text 1"]]
    assert table.rows(0, 1) == [["2000000", "a rather long text 2000000"]]
    assert table.look(filters=[{"column": 1, "condition": {"is": "contains", "text": "TEXT 1999999"}}]) == 1
    assert table.rows(0, 1)[0][0] == "1999999"


def test_two_kernels_export_beside_each_other(new_kernel, tmp_path: Path) -> None:
    """Copies of one playbook in one folder: the names of their files are made of the same playbook, second and interval."""
    pages = [table_of(new_kernel(cwd=tmp_path), f"%%sql\nSELECT value AS n FROM range({first}, {first + 3})") for first in (0, 10)]
    order = {"export": {"view": 0, "format": "csv", "scope": "all", "destination": "folder", "columns": []}}
    written: dict[str, str] = {}
    for _ in range(5):
        started = [page.start(order) for page in pages]
        for page, number, first in zip(pages, started, (0, 10), strict=True):
            path = tmp_path / page.answer(number)[0]["path"]
            assert path.read_bytes() == f"n\r\n{first}\r\n{first + 1}\r\n{first + 2}\r\n".encode()
            assert str(path) not in written, "no file is written twice"
            written[str(path)] = path.read_text()
    assert len(list((tmp_path / "data" / "notebook").iterdir())) == len(written) == 10, "and nothing is left over"
