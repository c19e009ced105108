"""What an execute_request may ask for besides running code, and what its reply says."""

import datetime

import pytest
from harness.kernel import Kernel

ERROR_KEYS = {"status", "ename", "evalue", "traceback"}


def tail(kernel: Kernel, n: int) -> list[str]:
    content = {"hist_access_type": "tail", "n": n, "output": False, "raw": True}
    return [entry[2] for entry in kernel.request("history_request", content).content["history"]]


# The counter, silent and store_history


def test_the_counter_starts_at_one_in_rust_too(new_kernel) -> None:
    kernel = new_kernel()
    first = kernel.execute("1 + 1")
    assert first.content["execution_count"] == 1
    assert first.of_type("execute_input")[0]["content"]["execution_count"] == 1
    assert first.of_type("execute_result")[0]["content"]["execution_count"] == 1


def test_a_failed_cell_counts_and_a_reply_always_has_the_count(shared_kernel: Kernel) -> None:
    before = shared_kernel.execute("1").content["execution_count"]
    for code in ("fn fn", 'panic!("x")', "%%sql\nSELECT nothing FROM nowhere", "%%nosuchmagic\nx"):
        failed = shared_kernel.execute(code)
        assert failed.status == "error"
        before += 1
        assert failed.content["execution_count"] == before
    assert shared_kernel.execute("1").content["execution_count"] == before + 1


def test_an_empty_silent_request_reads_the_counter(shared_kernel: Kernel) -> None:
    """So front ends learn where a kernel stands."""
    count = shared_kernel.execute("1").content["execution_count"]
    asked = shared_kernel.execute("", silent=True)
    assert asked.content["execution_count"] == count and asked.outputs == []


SILENT = {
    "a value": "41 + 1",
    "text": 'println!("heard?"); eprintln!("heard?"); std::println!("heard?");',
    "a display": 'flowdeck::display_html("<b>seen?</b>");',
    "a table": "%%sql\nSELECT 1 AS one",
    "content": "%%html\n<b>seen?</b>",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT.keys())
def test_a_silent_cell_shows_nothing_and_is_not_remembered(shared_kernel: Kernel, code: str) -> None:
    count = shared_kernel.execute("%%sql\nSELECT 'marker' AS m").content["execution_count"]
    # `store_history` is what clients send by default; silent overrides it.
    silent = shared_kernel.execute(code, silent=True, store_history=True)
    assert silent.status == "ok", repr(silent)
    assert [m["msg_type"] for m in silent.iopub] == ["status", "status"], repr(silent)
    assert silent.content["execution_count"] == count
    assert tail(shared_kernel, 1) == ["%%sql\nSELECT 'marker' AS m"]


def test_a_silent_cell_runs(shared_kernel: Kernel) -> None:
    shared_kernel.execute("let set_in_silence = 5;", silent=True)
    assert shared_kernel.execute("set_in_silence").text == "5"


def test_a_silent_cell_fails_in_its_reply_alone_and_stops_nothing(shared_kernel: Kernel) -> None:
    failing = shared_kernel.send_execute(
        'std::thread::sleep(std::time::Duration::from_millis(300)); panic!("in silence")', silent=True
    )
    behind = shared_kernel.send_execute("%%sql\nSELECT 1 AS one")
    silent = shared_kernel.finish(failing)
    assert silent.status == "error" and "in silence" in silent.content["evalue"]
    assert silent.outputs == [], repr(silent)
    assert shared_kernel.finish(behind).status == "ok"


def test_a_cell_that_is_not_remembered_still_shows(shared_kernel: Kernel) -> None:
    count = shared_kernel.execute("1").content["execution_count"]
    shown = shared_kernel.execute("40 + 2", store_history=False)
    assert shown.text == "42" and shown.of_type("execute_input")
    assert shown.content["execution_count"] == count
    assert tail(shared_kernel, 1) == ["1"]


# user_expressions


def test_user_expressions_are_values_of_the_session_after_the_cell(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(
        'let octets = 6 * 7; let name = "zeek".to_string();',
        user_expressions={"sum": "octets + 1", "name": "name.len()", "text": "&name"},
    )
    assert cell.content["user_expressions"] == {
        "sum": {"status": "ok", "data": {"text/plain": "43"}, "metadata": {}},
        "name": {"status": "ok", "data": {"text/plain": "4"}, "metadata": {}},
        "text": {"status": "ok", "data": {"text/plain": '"zeek"'}, "metadata": {}},
    }
    # Nothing of them is an output, and nothing of the session is changed.
    assert cell.outputs == [], repr(cell)
    after = shared_kernel.execute("(octets, name.len())")
    assert after.text == "(42, 4)" and after.content["execution_count"] == cell.content["execution_count"] + 1
    assert tail(shared_kernel, 1) == ["(octets, name.len())"]


def test_a_wrong_user_expression_fails_alone(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(
        "let known = 1;",
        user_expressions={"good": "known", "unknown": "no_such_name", "broken": "1 +", "panics": 'panic!("boo")'},
    )
    assert cell.status == "ok" and cell.outputs == [], repr(cell)
    expressions = cell.content["user_expressions"]
    assert expressions["good"]["data"] == {"text/plain": "1"}
    for name, told in (("unknown", "no_such_name"), ("broken", ""), ("panics", "boo")):
        assert expressions[name].keys() >= ERROR_KEYS and expressions[name]["status"] == "error"
        assert isinstance(expressions[name]["traceback"], list)
        assert told in expressions[name]["evalue"]


def test_user_expressions_of_a_failed_cell_are_not_evaluated(shared_kernel: Kernel, tmp_path) -> None:
    trace = tmp_path / "evaluated"
    cell = shared_kernel.execute('panic!("first")', user_expressions={"trace": f'std::fs::write("{trace}", "")'})
    assert cell.status == "error" and cell.content["user_expressions"] == {}
    assert not trace.exists()


def test_user_expressions_come_with_sql_and_with_empty_cells(shared_kernel: Kernel) -> None:
    for code in ("%%sql\nSELECT 1 AS one", "", "%%html\n<b>x</b>"):
        cell = shared_kernel.execute(code, user_expressions={"three": "1 + 2"})
        assert cell.content["user_expressions"] == {
            "three": {"status": "ok", "data": {"text/plain": "3"}, "metadata": {}}
        }, repr(cell)


# The reply's metadata


@pytest.mark.parametrize("code", ["%%sql\nSELECT 1", "1 + 1", 'panic!("x")', ""])
def test_the_reply_says_when_the_cell_started(shared_kernel: Kernel, code: str) -> None:
    """JupyterLab shows a cell's time from it."""
    cell = shared_kernel.execute(code)
    started = datetime.datetime.fromisoformat(cell.reply["metadata"]["started"])
    assert started.tzinfo is not None, "without a zone a front end takes it for local time"
    assert cell.request["header"]["date"] <= started <= cell.reply["header"]["date"]


def test_started_is_when_the_cell_began_to_run_not_when_it_was_queued(shared_kernel: Kernel) -> None:
    first = shared_kernel.send_execute("std::thread::sleep(std::time::Duration::from_millis(500));")
    second = shared_kernel.send_execute("1")
    ended = shared_kernel.finish(first).reply["header"]["date"]
    started = datetime.datetime.fromisoformat(shared_kernel.finish(second).reply["metadata"]["started"])
    assert started >= ended


# Content cells

CONTENT = {"html": "text/html", "markdown": "text/markdown", "javascript": "application/javascript"}


@pytest.mark.parametrize(("magic", "mime"), CONTENT.items(), ids=CONTENT.keys())
def test_a_content_cell_displays_its_body_as_it_is(shared_kernel: Kernel, magic: str, mime: str) -> None:
    body = "<b>ünï & 🦀</b>\n\n  {braces} \"quoted\"  \n%%not a magic"
    cell = shared_kernel.execute(f"%%{magic}\n{body}")
    assert cell.status == "ok" and cell.types == ["display_data"], repr(cell)
    data = cell.outputs[0]["content"]["data"]
    assert data[mime].strip() == body.strip()
    assert data["text/plain"], "a console has something to show too"


@pytest.mark.parametrize("magic", CONTENT)
def test_an_empty_content_cell_does_no_harm(shared_kernel: Kernel, magic: str) -> None:
    for code in (f"%%{magic}", f"%%{magic}\n"):
        assert shared_kernel.execute(code).status == "ok"
