"""Form cells: what a person enters reaches the query, and what is wrong is said where they look."""

import json
import re
from pathlib import Path

import pytest
from harness.front_end import VIEW, FrontEnd
from harness.kernel import Kernel

FORM = """%%form
src   = { type = "ip_list", label = "Src IP", placeholder = "IP or CIDR, separated by commas" }
limit = { type = "int", label = "Limit", default = 3, min = 1 }
get   = { type = "button", label = "Get numbers" }
"""
QUERY = "%%sql --on get --into numbers\nSELECT value AS n FROM generate_series(1, 99) WHERE ip_in('10.1.2.3', $src) LIMIT $limit"


@pytest.fixture
def page(new_kernel) -> FrontEnd:
    return FrontEnd(new_kernel())


def shown(page: FrontEnd) -> str:
    """What the query's area shows, as a person reads it."""
    page.look()
    outputs = [model["outputs"] for model in page.models.values() if model["_model_name"] == "OutputModel"]
    return re.sub(r"<[^>]*>", " ", "".join(str(output["data"]) for entries in outputs for output in entries))


def status(page: FrontEnd) -> str:
    """The line beside Stop."""
    stop = page.find("ButtonModel", description="Stop")
    rows = [m for m in page.models.values() if m["_model_name"] == "HBoxModel" and f"IPY_MODEL_{stop}" in m["children"]]
    (line,) = [child.removeprefix("IPY_MODEL_") for child in rows[0]["children"] if stop not in child]
    return re.sub(r"<[^>]*>", "", page.value(line))


def open_page(page: FrontEnd) -> str:
    form = page.kernel.execute(FORM)
    assert form.status == "ok", form
    (display,) = form.of_type("display_data")
    assert display["content"]["data"][VIEW]["model_id"] in page.kernel.request("comm_info_request").content["comms"]
    query = page.kernel.execute(QUERY)
    assert query.status == "ok", query
    return page.find("ButtonModel", description="Get numbers")


def test_a_click_runs_the_query_with_what_was_entered(page: FrontEnd) -> None:
    button = open_page(page)
    assert status(page) == "not run yet"
    page.click(button)
    page.until(lambda: "done in" in status(page), "the result")
    assert "3 rows" in shown(page)
    page.change(page.find("BoundedIntTextModel"), value=5)
    page.click(button)
    page.until(lambda: "5 rows" in shown(page), "five rows")
    assert page.value(button, "disabled") is False
    assert "sum 15" in page.kernel.execute("%%sql\nSELECT concat('sum ', sum(n)) AS s FROM numbers").text


def test_a_wrong_entry_is_named_beside_its_field_and_the_query_waits(page: FrontEnd) -> None:
    button = open_page(page)
    page.change(page.find("TextModel"), value="10.1.0.0/16, 10.1.2.300")
    beside = page.until(
        lambda: [m["value"] for m in page.models.values() if m["_model_name"] == "HTMLModel" and "10.1.2.300" in m["value"]],
        "the message beside the field",
    )
    assert "10.1.0.0/16" in beside[0], "the good ones are kept"
    page.click(button)
    page.until(lambda: "not run" in status(page), "the refusal")
    assert "Src IP" in status(page) and "10.1.2.300" in status(page)
    page.change(page.find("TextModel"), value="10.1.0.0/16")
    page.click(button)
    page.until(lambda: "3 rows" in shown(page), "the result")
    page.change(page.find("TextModel"), value="10.2.0.0/16")
    page.click(button)
    page.until(lambda: "0 rows" in shown(page), "no rows")


def test_values_are_bound_and_never_text_of_the_query(page: FrontEnd) -> None:
    page.kernel.execute('%%form\nname = { type = "text" }\ngo = { type = "button" }')
    page.kernel.execute("%%sql --on go\nSELECT $name AS said")
    hostile = "'; DROP TABLE flows; -- <script>alert(1)</script>"
    page.change(page.find("TextModel"), value=hostile)
    page.click(page.find("ButtonModel", description="go"))
    page.until(lambda: "done in" in status(page), "the result")
    outputs = page.value(page.find("OutputModel"), "outputs")
    assert "<script>" not in outputs[0]["data"]["text/html"] and "DROP TABLE" in outputs[0]["data"]["text/plain"]


def test_stop_ends_a_running_query_and_the_button_works_again(page: FrontEnd) -> None:
    page.kernel.execute('%%form\nsize = { type = "int", default = 100000000 }\ngo = { type = "button" }')
    page.kernel.execute(
        "%%sql --on go\nSELECT sum(a.value * b.value) AS s FROM generate_series(1, 100000000) a "
        "CROSS JOIN generate_series(1, 1000) b WHERE a.value <= $size"
    )
    button, stop = page.find("ButtonModel", description="go"), page.find("ButtonModel", description="Stop")
    page.click(button)
    page.until(lambda: page.value(button, "disabled") and not page.value(stop, "disabled"), "the query to run")
    page.click(stop)
    page.until(lambda: "stopped after" in status(page), "the end", timeout=10)
    page.until(lambda: not page.value(button, "disabled") and page.value(stop, "disabled"), "the buttons")
    page.change(page.find("IntTextModel"), value=10)
    page.click(button)
    page.until(lambda: "done in" in status(page), "the second run")


def test_a_button_of_two_queries_waits_for_both(page: FrontEnd) -> None:
    page.kernel.execute('%%form\ngo = { type = "button" }')
    page.kernel.execute(
        "%%sql --on go\nSELECT sum(a.value * b.value) AS s FROM generate_series(1, 100000000) a "
        "CROSS JOIN generate_series(1, 1000) b"
    )
    page.kernel.execute("%%sql --on go\nSELECT 1 AS quick")
    button = page.find("ButtonModel", description="go")
    page.click(button)
    page.until(lambda: any("done in" in text for text in texts(page)), "the quick one")
    assert page.value(button, "disabled"), "the slow one still runs"
    stops = [id for id, model in page.models.items() if model.get("description") == "Stop" and not model["disabled"]]
    assert len(stops) == 1
    page.click(stops[0])
    page.until(lambda: not page.value(button, "disabled"), "the button again", timeout=10)


def texts(page: FrontEnd) -> list[str]:
    return [str(model["value"]) for model in page.models.values() if model["_model_name"] == "HTMLModel"]


def test_a_failure_is_readable_without_knowing_sql(page: FrontEnd) -> None:
    page.kernel.execute('%%form\ngo = { type = "button" }')
    page.kernel.execute("%%sql --on go\nSELECT * FROM no_such_table")
    page.click(page.find("ButtonModel", description="go"))
    page.until(lambda: "did not run" in status(page), "the failure")
    assert "no_such_table" in shown(page) and "\x1b" not in shown(page)


def test_a_live_query_follows_the_field(page: FrontEnd) -> None:
    page.kernel.execute('%%form\nn = { type = "int", default = 2, min = 0 }')
    page.kernel.execute("%%sql --live\nSELECT value FROM generate_series(1, 99) LIMIT $n")
    page.until(lambda: "2 rows" in shown(page), "the first result")
    page.change(page.find("BoundedIntTextModel"), value=7)
    page.until(lambda: "7 rows" in shown(page), "the next result")


def test_running_the_form_again_keeps_what_was_entered(page: FrontEnd) -> None:
    open_page(page)
    page.change(page.find("BoundedIntTextModel"), value=8)
    page.change(page.find("TextModel"), value="10.0.0.0/8")
    assert page.kernel.execute(FORM).status == "ok"
    assert page.value(page.find("BoundedIntTextModel")) == 8
    assert page.value(page.find("TextModel")) == "10.0.0.0/8"


def test_fields_are_parameters_of_ordinary_queries_too(page: FrontEnd) -> None:
    page.kernel.execute('%%form\nsince = { type = "datetime", default = "now-5m" }\nwindow = { type = "duration", default = "5m" }')
    cell = page.kernel.execute("%%sql\nSELECT $since < now() AS earlier, $window = INTERVAL '5 minutes' AS five")
    assert cell.text.count("true") == 2, cell


@pytest.mark.parametrize(
    ("form", "fact"),
    [
        ("%%form\nlimit = { type = \"integer\" }", "no type `integer`"),
        ("%%form\nlimit = ", "not written in TOML"),
        ("%%form", "no fields"),
        ("%%form --x\na = { type = \"int\" }", "no options"),
        ("%%sql --on nothing\nSELECT 1", "no button `nothing`"),
    ],
)
def test_an_author_is_told_what_is_wrong(page: FrontEnd, form: str, fact: str) -> None:
    cell = page.kernel.execute(form)
    assert cell.status == "error" and fact in cell.error_text and "hint" in cell.error_text


def test_rust_cells_read_the_fields(page: FrontEnd) -> None:
    page.kernel.execute(
        '%%form\nsrc = { type = "ip_list" }\nlimit = { type = "int", default = 3 }\nday = { type = "date" }\n'
        'window = { type = "duration", default = "5m" }\ngo = { type = "button" }'
    )
    page.change(page.find("IntTextModel"), value=12)
    cell = page.kernel.execute("(form.limit.value() + 1, form.day.value(), form.window.value().map(|w| w.num_seconds()))")
    assert cell.text == "(13, None, Some(300))", cell
    page.change(page.find("TextModel", description="src"), value="300.1.1.1")
    cell = page.kernel.execute("form.src.value()")
    assert "300.1.1.1" in cell.error_text and "src" in cell.error_text


def test_a_button_waits_for_the_table_that_it_needs(page: FrontEnd) -> None:
    page.kernel.execute('%%form\nget = { type = "button" }\nstore = { type = "button", needs = "found" }')
    page.kernel.execute("%%sql --on get --into found\nSELECT 1 AS n")
    page.kernel.execute("%%sql --on store\nSELECT n + 1 AS m FROM found")
    store = page.find("ButtonModel", description="store")
    assert page.value(store, "disabled") is True
    page.click(page.find("ButtonModel", description="get"))
    page.until(lambda: page.value(store, "disabled") is False, "the button")


def test_the_configuration_says_which_networks_are_internal_and_the_zone_of_times(new_kernel, tmp_path) -> None:
    config = tmp_path / "flowdeck.toml"
    config.write_text('[display]\ntime_zone = "Asia/Tokyo"\n[networks]\ninternal = ["192.0.2.0/24", "2001:db8::/32"]\n')
    page = FrontEnd(new_kernel(env={"FLOWDECK_CONFIG": str(config)}))
    page.kernel.execute(
        '%%form\nours = { type = "ip_list", default = "internal" }\n'
        'start = { type = "datetime", default = "2024-07-01 09:00" }\nget = { type = "button" }'
    )
    assert page.value(page.find("TextModel")) == "192.0.2.0/24, 2001:db8::/32"
    picker = page.models[page.find("NaiveDatetimeModel")]
    assert "UTC+09:00" in picker["description"] and "Asia/Tokyo" in picker["tooltip"], picker
    page.kernel.execute("%%sql --on get --into seen\nSELECT $start AS start, ip_in('192.0.2.7', $ours) AS is_ours")
    page.click(page.find("ButtonModel", description="get"))
    page.until(lambda: "1 row" in shown(page), "the result")
    cell = page.kernel.execute("%%sql\nSELECT concat(CAST(start AS VARCHAR), ' ', is_ours) AS s FROM seen")
    assert "2024-07-01T00:00:00Z true" in cell.text, cell.text


def test_the_interval_of_a_query_is_told_in_utc(new_kernel, tmp_path) -> None:
    config = tmp_path / "flowdeck.toml"
    config.write_text('[display]\ntime_zone = "Europe/Prague"\n')
    page = FrontEnd(new_kernel(env={"FLOWDECK_CONFIG": str(config)}))
    page.kernel.execute(
        '%%form\nstart = { type = "datetime", label = "Start", default = "2024-07-01 09:00" }\n'
        'end = { type = "datetime", label = "End", default = "2024-12-01T09:00:00Z" }\nget = { type = "button" }'
    )
    page.kernel.execute("%%sql --on get\nSELECT $start AS start WHERE $start < $end")
    get = page.find("ButtonModel", description="get")
    page.click(get)
    # Prague is two hours ahead in July; what is written with its zone is that moment.
    told = "start = 2024-07-01T07:00:00Z; end = 2024-12-01T09:00:00Z"
    page.until(lambda: told in status(page), "the interval")
    pickers = [m for m in page.models.values() if m["_model_name"] == "NaiveDatetimeModel"]
    assert [picker["description"] for picker in pickers] == ["Start (UTC+02:00)", "End (UTC+01:00)"], pickers
    assert all("Europe/Prague" in picker["tooltip"] for picker in pickers), pickers
    # It is computed anew from what is in the field now.
    start = next(id for id, m in page.models.items() if m["_model_name"] == "NaiveDatetimeModel" and "Start" in str(m))
    value = page.value(start, "value")
    page.change(start, value={**value, "hours": 12})
    page.click(get)
    page.until(lambda: "start = 2024-07-01T10:00:00Z; end = 2024-12-01T09:00:00Z" in status(page), "the new interval")


def test_a_cleared_picker_is_said_to_be_not_set(page: FrontEnd) -> None:
    page.kernel.execute(
        '%%form\nstart = { type = "datetime", label = "From", default = "2024-07-01T09:00:00Z", required = true }\n'
        'until = { type = "datetime", label = "Until", default = "2024-07-02T09:00:00Z" }\nget = { type = "button" }'
    )
    page.kernel.execute(
        "%%sql --on get\nSELECT $start AS start WHERE $until IS NULL OR $start < $until"
    )
    get = page.find("ButtonModel", description="get")
    ids = {name: next(id for id, m in page.models.items() if m["_model_name"] == "NaiveDatetimeModel" and name in str(m)) for name in ("From", "Until")}
    page.click(get)
    page.until(lambda: "1 row" in shown(page), "the result")
    assert not any("not set" in text for text in texts(page))
    page.change(ids["Until"], value=None)
    page.until(lambda: any("not set" in text for text in texts(page)), "the message beside the field")
    page.click(get)
    page.until(lambda: "done in" in status(page) and "until" not in status(page), "the open interval")
    assert "1 row" in shown(page)
    page.change(ids["From"], value=None)
    page.until(lambda: any("fill in From" in text for text in texts(page)), "the message beside the field")
    page.click(get)
    page.until(lambda: "not run" in status(page) and "From" in status(page), "the refusal")


def test_playbooks_do_not_run_without_their_interval() -> None:
    found = 0
    for notebook in sorted((Path(__file__).parents[2] / "notebooks").rglob("*.ipynb")):
        for cell in json.loads(notebook.read_text())["cells"]:
            for line in cell["source"]:
                if line.split("=", 1)[-1].lstrip().startswith('{ type = "datetime"'):
                    found += 1
                    assert "required = true" in line, f"{notebook.name}: {line}"
    assert found > 20


def test_forms_and_queries_need_no_rust(new_kernel, tmp_path: Path) -> None:
    # rustup's usual place below the home folder is looked at, too.
    page = FrontEnd(new_kernel(env={"PATH": "/nowhere", "HOME": str(tmp_path)}))
    button = open_page(page)
    page.click(button)
    page.until(lambda: "3 rows" in shown(page), "the result")
    cell = page.kernel.execute("1 + 1")
    assert "NoRustToolchain" in cell.error_text and "hint" in cell.error_text
