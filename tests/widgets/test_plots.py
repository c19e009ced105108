"""Plots: small specs of many rows, stand-ins in the same bundle, forms, and what is wrong said with what to do."""

import json
import xml.etree.ElementTree as ElementTree

import pytest
from harness.analyser import complete, inspect
from harness.front_end import FrontEnd
from harness.kernel import Kernel

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
    assert set(bundle) == {SPEC, "image/svg+xml", "text/plain"}
    ElementTree.fromstring(bundle["image/svg+xml"])
    return bundle


@pytest.mark.parametrize("kind", ["line", "bars", "area", "histogram", "scatter", "heatmap", "matrix", "cdf", "timeline"])
def test_a_million_rows_make_a_small_spec(kernel: Kernel, kind: str) -> None:
    query = MANY.replace("concat(", "to_timestamp(1700006500 + value / 100) AS until, value * 7 % 977 AS packets, concat('s-', value % 7) AS source, concat(")
    bundle = plot(kernel, f"--kind {kind}", query)
    spec = bundle[SPEC]
    assert "1,000,000 rows" in spec["title"]["subtitle"][0]
    assert 0 < len(spec["data"]["values"]) <= 4_000
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
