"""Plots: small specs of many rows, stand-ins in the same bundle, forms, and what is wrong said with what to do."""

import base64
import json
import struct
import xml.etree.ElementTree as ElementTree

import pytest
from harness.analyser import complete, inspect
from harness.front_end import FrontEnd
from harness.kernel import Kernel
from harness.tables import tables

SPEC = "application/vnd.vegalite.v5+json"
MANY = """SELECT to_timestamp(1700006400 + value / 100) AS start_time, value % 1000 AS bytes,
  concat('host-', value % 30) AS name FROM range(0, 1000000)"""


@pytest.fixture
def kernel(shared_kernel: Kernel) -> Kernel:
    return shared_kernel


def plot(kernel: Kernel, options: str, query: str) -> dict:
    cell = kernel.execute(f"%%plot {options}\n{query}")
    assert cell.status == "ok", cell
    (result,) = cell.of_type("execute_result")
    bundle = result["content"]["data"]
    assert set(bundle) == {SPEC, "image/svg+xml", "image/png", "text/plain"}
    assert base64.b64decode(bundle["image/png"])[:8] == b"\x89PNG\r\n\x1a\n"
    ElementTree.fromstring(bundle["image/svg+xml"])
    return bundle


@pytest.mark.parametrize("kind", ["line", "bars", "area", "histogram", "scatter", "heatmap", "matrix", "sankey", "cdf", "timeline"])
def test_a_million_rows_make_a_small_spec(kernel: Kernel, kind: str) -> None:
    query = MANY.replace("concat(", "to_timestamp(1700006500 + value / 100) AS until, value * 7 % 977 AS packets, concat('s-', value % 7) AS source, concat(")
    bundle = plot(kernel, f"--kind {kind}", query)
    spec = bundle[SPEC]
    assert "1,000,000 rows" in spec["title"]["subtitle"][0]
    values = spec["layer"][0]["data"]["values"] if kind == "sankey" else spec["data"]["values"]
    assert 0 < len(values) <= 4_000
    assert len(json.dumps(bundle)) < 1_500_000
    assert "1,000,000 rows" in bundle["text/plain"] and "1,000,000 rows" in bundle["image/svg+xml"]


def test_the_values_are_those_of_the_query(kernel: Kernel) -> None:
    spec = plot(kernel, "--kind bars --top 2 --title 'Most bytes'", MANY)[SPEC]
    sums = {host: 0 for host in range(30)}
    for value in range(1_000_000):
        sums[value % 30] += value % 1000
    greatest = sorted(sums.values(), reverse=True)
    drawn = {row["n"]: row["x"] for row in spec["data"]["values"]}
    first, second, rest = drawn.values()
    assert list(drawn)[2] == "other" and spec["title"]["text"] == "Most bytes"
    assert [first, second, rest] == [greatest[0], greatest[1], sum(greatest[2:])]


def test_hostile_names_are_text_everywhere(kernel: Kernel) -> None:
    query = """SELECT '<script>alert(1)</script>' || chr(27) || '[31m' || chr(8238) AS "<img src=x onerror=alert(1)>", 1 AS "image"
      UNION ALL SELECT repeat('long', 100000), 2"""
    bundle = plot(kernel, "--kind bars --title '</svg><script>alert(2)</script>'", query)
    for text in (bundle["image/svg+xml"], bundle["text/plain"], json.dumps(bundle[SPEC])):
        assert "\x1b" not in text and "\\u001b" not in text and "\u202e" not in text and "\\u202e" not in text
        assert len(text) < 20_000
    root = ElementTree.fromstring(bundle["image/svg+xml"])
    tags = {element.tag.split("}")[1] for element in root.iter()}
    assert tags <= {"svg", "rect", "text", "polyline", "line", "circle", "polygon"}, tags
    assert all(not name.startswith("on") for element in root.iter() for name in element.attrib)


def test_what_cannot_be_drawn_is_said(kernel: Kernel) -> None:
    for options, query, ename, fact in [
        ("", "SELECT 1", "UsageError", "kinds are line"),
        ("--kind pie", "SELECT 1", "UsageError", "`pie`"),
        ("--kind line --x name", "SELECT 'a' AS name, 1 AS n", "PlotError", "`name` holds text"),
        ("--kind bars --log", "SELECT 'a' AS name, 1 AS n", "PlotError", "has no --log"),
        ("--kind line", "SELECT 1 FROM nowhere", "SqlError", "`nowhere`"),
    ]:
        cell = kernel.execute(f"%%plot {options}\n{query}")
        assert cell.status == "error", cell
        (error,) = cell.of_type("error")
        assert error["content"]["ename"] == ename
        assert fact in error["content"]["evalue"], error
        assert any("hint" in line for line in error["content"]["traceback"])


def test_nothing_is_said_as_nothing(kernel: Kernel) -> None:
    bundle = plot(kernel, "--kind line", "SELECT now() AS t, 1 AS n WHERE false")
    assert "nothing to draw" in bundle["text/plain"] and "nothing to draw" in bundle["image/svg+xml"]
    assert bundle[SPEC]["data"]["values"] == [{"text": "nothing to draw"}]


def test_a_plot_takes_fields_of_a_form_and_waits_for_its_button(new_kernel) -> None:
    kernel = new_kernel()
    page = FrontEnd(kernel)
    form = "%%form\nleast = { type = \"int\", default = 3 }\ndraw = { type = \"button\", label = \"Draw\" }"
    assert kernel.execute(form).status == "ok"
    query = "SELECT concat('n', value) AS name, value FROM range(0, 10) WHERE value >= $least"
    once = plot(kernel, "--kind bars", query)
    assert len(once[SPEC]["data"]["values"]) == 7
    assert kernel.execute(f"%%plot --kind bars --on draw\n{query}").status == "ok"
    page.click(page.find("ButtonModel", description="Draw"))

    def drawn() -> list[dict]:
        outputs = [model["outputs"] for model in page.models.values() if model.get("_model_name") == "OutputModel"]
        return [output["data"] for given in outputs for output in given if SPEC in output.get("data", {})]

    (shown,) = page.until(drawn, "the plot")
    assert len(shown[SPEC]["data"]["values"]) == 7


@pytest.mark.parametrize(
    ("code", "offered"),
    [
        ("%%pl", "%%plot"),
        ("%%plot --ki", "--kind"),
        ("%%plot --kind heat", "heatmap"),
        ("%%plot --kind line --agg a", "avg"),
        ("%%plot --kind line\nSELECT protocol_n", "protocol_name"),
    ],
)
def test_options_kinds_and_the_query_are_completed(kernel: Kernel, code: str, offered: str) -> None:
    assert any(match.startswith(offered) for match in complete(kernel, code)["matches"])
    assert "--kind" in inspect(kernel, "%%plot")["data"]["text/plain"]


@pytest.mark.parametrize("kind", ["line", "area", "bars", "scatter", "cdf"])
def test_groups_side_by_side_have_the_same_axes(kernel: Kernel, kind: str) -> None:
    query = MANY.replace("1000000", "2000").replace("% 30", "% 5") + (" WHERE value % 3 = 0" if kind == "scatter" else "")
    if kind == "scatter":
        query = query.replace("SELECT ", "SELECT value AS v, ")
    spec = plot(kernel, f"--kind {kind} --facet name", query)[SPEC]
    assert len(spec["facet"]["sort"]) == 5 and spec["columns"] == 3
    assert {row["s"] for row in spec["data"]["values"]} == set(spec["facet"]["sort"])
    assert "legend" not in json.dumps(spec["spec"]) and "width" not in spec


def test_bands_are_the_sums_from_whom_to_whom(kernel: Kernel) -> None:
    spec = plot(kernel, "--kind sankey --value bytes", "SELECT * FROM (VALUES ('a', 'x', 3), ('a', 'y', 1), ('b', 'x', 5), ('a', 'x', 2), ('c', 'y', -1)) AS v(src, dst, bytes)")[SPEC]
    bands = {(row["s"], row["t"]): row["vt"] for row in spec["layer"][0]["data"]["values"]}
    assert bands == {("a", "x"): "5", ("a", "y"): "1", ("b", "x"): "5"}
    assert "1 of the amounts left out" in spec["title"]["subtitle"][0]
    refused = kernel.execute("%%plot --kind sankey --agg avg\nSELECT 'a' AS s, 'b' AS d, 1 AS n")
    assert "--agg but sum and count" in refused.error_text


def test_pictures_are_saved_beside_the_notebook(new_kernel) -> None:
    kernel = new_kernel()
    for kind, begin in (("png", b"\x89PNG"), ("svg", b"<svg ")):
        cell = kernel.execute(f"%%plot --kind bars --save {kind}\n{MANY}")
        path = kernel.folder / cell.stream().removeprefix("saved ").strip()
        assert path.parent == kernel.folder / "data" / "notebook" and path.suffix == f".{kind}"
        assert path.read_bytes().startswith(begin)
    png = next((kernel.folder / "data" / "notebook").glob("*.png")).read_bytes()
    width, height = struct.unpack(">II", png[16:24])
    assert width == 1140 and height > 300


def test_a_rust_cell_draws_a_result(new_kernel) -> None:
    kernel = new_kernel()
    cell = kernel.execute(
        'use flowdeck::{plot, PlotKind};\n'
        'let t = flowdeck::sql("SELECT value % 3 AS g, value AS n FROM range(0, 100000)").unwrap();\n'
        'println!("{}", plot(&t).kind(PlotKind::Bars).x("g").y("n").save("png").unwrap().display());\n'
        'println!("{}", plot(&t).x("gone").draw().unwrap_err());\n'
        'plot(&t).kind(PlotKind::Bars).x("g").y("n").title("Of Rust")'
    )
    assert cell.status == "ok", cell
    path, refusal = cell.stream().split("\n", 1)
    assert (kernel.folder / path).read_bytes().startswith(b"\x89PNG")
    assert "there is no column `gone` for --x" in refusal and "hint:" in refusal
    (result,) = cell.of_type("execute_result")
    spec = result["content"]["data"][SPEC]
    assert spec["title"]["text"] == "Of Rust" and "100,000 rows" in spec["title"]["subtitle"][0]
    assert sorted(row["x"] for row in spec["data"]["values"]) == sorted(sum(range(rest, 100_000, 3)) for rest in range(3))
    failed = kernel.execute('plot(&t).kind(PlotKind::Bars).by("nothing")')
    assert failed.status == "error" and "there is no column `nothing`" in failed.error_text


FORM = """%%form
start = { type = "datetime", label = "Start" }
end   = { type = "datetime", label = "End" }
host  = { type = "text", label = "Host" }
"""


def select(page: FrontEnd, what: dict) -> None:
    page.look()
    line = next(comm for comm in reversed(page.opened) if "_field" in page.models.get(comm, {}))
    page.send(line, {"method": "custom", "content": what})


def test_what_is_selected_goes_into_fields_and_filters_a_table(new_kernel) -> None:
    kernel = new_kernel()
    page = FrontEnd(kernel)
    kernel.execute(FORM)
    kernel.execute(f"%%sql --into flows2\n{MANY}")
    (table,) = tables(page)
    cell = kernel.execute(f"%%plot --kind line --fill start,end --filter flows2\n{MANY}")
    (result,) = cell.of_type("execute_result")
    assert "application/vnd.jupyter.widget-view+json" in result["content"]["data"]
    assert "image/svg+xml" in result["content"]["data"], "where no widgets are"
    output = page.find("OutputModel")
    select(page, {"ready": {}})
    page.until(lambda: page.value(output, "outputs"), "the plot, now that the page is ready")
    spec = page.value(output, "outputs")[0]["data"][SPEC]
    patch = spec["usermeta"]["embedOptions"]["patch"][0]["value"]
    assert patch["bind"]["element"].startswith("#flowdeck-plot-")
    select(page, {"selected": "1700007000000\n1700007060000"})
    page.until(lambda: page.value(table, "_view")["count"] == 6_100, "the filtered table")
    assert "2023-11-15T00:10:00Z" in kernel.execute("%%sql\nSELECT $start AS s, $end AS e").text
    select(page, {"selected": ""})
    page.until(lambda: page.value(table, "_view")["count"] == 1_000_000, "the whole table")
    for odd in ({"selected": "1"}, {"selected": "x\ny"}, {"selected": "a" * 2_000}, {"sql": "SELECT 1"}, {"selected": 3}):
        select(page, odd)
    kernel.execute("%%plot --kind bars --fill host --filter flows2\n" + MANY)
    select(page, {"selected": "host-7"})
    page.until(lambda: page.value(table, "_view")["count"] == 33_334, "the rows of one host")
    assert "host-7" in kernel.execute("%%sql\nSELECT $host AS h").text
    for options, fact in (
        ("--kind sankey --fill host", "cannot be selected in"),
        ("--kind line --fill host", "two fields"),
        ("--kind bars --fill gone", "no field `gone`"),
    ):
        query = "SELECT name AS s, name AS d, start_time, bytes FROM flows2"
        assert fact in kernel.execute(f"%%plot {options}\n{query}").error_text
