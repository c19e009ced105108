"""Choices that a form looks up: sources, their channels, blocklists; and the source that is chosen, in a query."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.front_end import FrontEnd
from harness.kernel import Kernel
from test_forms import shown, status

FORM = """%%form
source   = { type = "choice", label = "Source", options_from = "sources", default = "flows" }
channels = { type = "multi",  label = "Channels", options_from = "channels of source" }
lists    = { type = "multi",  label = "Lists", options_from = "blocklists", default = "all" }
view     = { type = "choice", label = "View", options = ["rows", "sum"] }
get      = { type = "button", label = "Get" }
"""
ROWS = (
    "%%sql --on get --when view=rows\nSELECT sensor, bytes FROM read_source($source) "
    "WHERE cardinality($channels) = 0 OR sensor = ANY($channels) ORDER BY bytes"
)
SUM = "%%sql --on get --when view=sum\nSELECT concat('sum ', sum(bytes)) AS s FROM read_source($source)"

HEADER = "start_time,src_ip,dst_ip,protocol,bytes,sensor\n"


def flows(*rows: tuple[int, str]) -> str:
    return HEADER + "".join(f"2024-02-05T10:00:00Z,10.0.0.1,10.0.0.2,6,{size},{sensor}\n" for size, sensor in rows)


@pytest.fixture
def page(new_kernel: Callable[..., Kernel], tmp_path: Path) -> FrontEnd:
    (tmp_path / "flows.csv").write_text(flows((10, "border"), (20, "lab"), (30, "lab")))
    (tmp_path / "other.csv").write_text(flows((7, "")))
    (tmp_path / "notes.csv").write_text("what,when\nsomething,now\n")
    (tmp_path / "c2.txt").write_text("203.0.113.77\n")
    sources = "".join(f"[sources.{name}]\nlocation = '{name}.csv'\n" for name in ("other", "flows", "notes"))
    (tmp_path / "flowdeck.toml").write_text(sources + "[blocklists.c2]\nfile = 'c2.txt'\n")
    page = FrontEnd(new_kernel(env={"FLOWDECK_CONFIG": str(tmp_path / "flowdeck.toml")}))
    for cell in (FORM, ROWS, SUM):
        ran = page.kernel.execute(cell)
        assert ran.status == "ok", ran
    return page


def labels(page: FrontEnd, label: str) -> list[str]:
    return page.value(field(page, label), "_options_labels")


def field(page: FrontEnd, label: str) -> str:
    page.look()
    (found,) = (model for model, state in page.models.items() if state.get("description") == label)
    return found


def choose(page: FrontEnd, label: str, *options: str) -> None:
    places = [labels(page, label).index(option) for option in options]
    is_one = page.models[field(page, label)]["_model_name"] == "DropdownModel"
    page.change(field(page, label), index=places[0] if is_one else places)


def get(page: FrontEnd, text: str) -> None:
    page.click(field(page, "Get"))
    page.until(lambda: text in re.sub(r"\s+", " ", shown(page)), text)


def test_sources_with_flows_their_channels_and_blocklists_are_offered(page: FrontEnd) -> None:
    assert labels(page, "Source") == ["flows", "other"] and page.value(field(page, "Source"), "index") == 0
    assert labels(page, "Channels") == ["border", "lab"] and page.value(field(page, "Channels"), "index") == []
    assert labels(page, "Lists") == ["c2"] and page.value(field(page, "Lists"), "index") == [0]
    get(page, "3 rows")
    choose(page, "Channels", "lab")
    get(page, "2 rows")


def test_another_source_has_other_channels(page: FrontEnd) -> None:
    choose(page, "Channels", "border")
    choose(page, "Source", "other")
    page.until(lambda: labels(page, "Channels") == [], "the other channels")
    assert page.value(field(page, "Channels"), "index") == []
    said = [model["value"] for model in page.models.values() if model["_model_name"] == "HTMLModel"]
    assert any("this source has no channels" in text for text in said)
    get(page, "1 row")
    choose(page, "Source", "flows")
    page.until(lambda: labels(page, "Channels") == ["border", "lab"], "the first channels")
    choose(page, "Channels", "lab", "border")
    get(page, "3 rows")


def test_one_button_shows_the_view_that_is_chosen(page: FrontEnd) -> None:
    get(page, "3 rows")
    choose(page, "View", "sum")
    get(page, "sum 60")
    assert "3 rows" not in shown(page), "the other view is gone"
    choose(page, "View", "rows")
    get(page, "3 rows")
    assert "sum 60" not in shown(page)


def test_a_live_query_waits_for_an_option_that_its_text_does_not_mention(page: FrontEnd) -> None:
    page.kernel.execute("%%sql --live --when view=sum\nSELECT concat('live ', sum(bytes)) AS s FROM flows")
    assert "live 60" not in shown(page), "the other view is chosen"
    choose(page, "View", "sum")
    page.until(lambda: "live 60" in shown(page), "the view that is chosen")
    choose(page, "View", "rows")
    page.until(lambda: "live 60" not in shown(page), "it to step aside")


def test_a_live_query_that_steps_aside_does_not_run(page: FrontEnd) -> None:
    def running() -> list[str]:
        page.look()
        buttons = [id for id, model in page.models.items() if model.get("description") == "Stop"]
        return [button for button in buttons if not page.value(button, "disabled")]

    page.kernel.execute(
        "%%sql --live --when view=sum\nSELECT sum(a.value * b.value) AS s FROM generate_series(1, 100000000) a "
        "CROSS JOIN generate_series(1, 1000) b"
    )
    assert not running()
    choose(page, "View", "sum")
    page.until(running, "the query to run")
    choose(page, "View", "rows")
    page.until(lambda: not running(), "Stop to go off", timeout=10)


def test_running_the_form_again_keeps_what_was_chosen(page: FrontEnd) -> None:
    choose(page, "Source", "other")
    page.until(lambda: labels(page, "Channels") == [], "the other channels")
    page.kernel.execute(FORM)
    assert page.value(field(page, "Source"), "index") == 1 and labels(page, "Channels") == []


@pytest.mark.parametrize("name", ["notes.csv", "/etc/passwd", "https://127.0.0.1:1/flows.csv", "s3://bucket/x", "numbers", ""])
def test_what_a_visitor_enters_is_a_source_or_an_error(page: FrontEnd, name: str) -> None:
    page.kernel.execute("%%sql --into numbers\nSELECT 1 AS n")
    page.kernel.execute('%%form\nname = { type = "text" }\ngo = { type = "button" }')
    page.kernel.execute("%%sql --on go\nSELECT count(*) FROM read_source($name)")
    page.change(page.find("TextModel"), value=name)
    page.click(field(page, "go"))
    page.until(lambda: "there is no source of this name; sources are flows, notes, other" in shown(page), "the refusal")


@pytest.mark.parametrize(
    ("cell", "fact"),
    [
        ("%%sql --on get --when look=rows\nSELECT 1", "there is no field `look` of the type choice"),
        ("%%sql --on get --when view=graph\nSELECT 1", "`view` has no option `graph`"),
        ("%%sql --when view=rows\nSELECT 1", "`--on` or `--live`"),
        ('%%form\nf = { type = "choice", options_from = "tables" }', "`options_from` is"),
    ],
)
def test_an_author_is_told_what_is_wrong(page: FrontEnd, cell: str, fact: str) -> None:
    failed = page.kernel.execute(cell)
    assert failed.status == "error" and fact in failed.error_text, failed


def test_without_sources_the_form_says_so(new_kernel: Callable[..., Kernel], tmp_path: Path) -> None:
    (tmp_path / "flowdeck.toml").write_text("")
    page = FrontEnd(new_kernel(env={"FLOWDECK_CONFIG": str(tmp_path / "flowdeck.toml")}))
    assert page.kernel.execute(FORM).status == "ok"
    page.look()
    said = " ".join(model["value"] for model in page.models.values() if model["_model_name"] == "HTMLModel")
    assert "no source with flows is named in flowdeck.toml" in said and "no blocklist is named" in said
    page.kernel.execute(SUM)
    page.change(field(page, "View"), index=1)
    page.click(field(page, "Get"))
    page.until(lambda: "did not run" in status(page), "the refusal")
    assert "it must be the name of a source" in shown(page)
