"""What is in every reply: a front end that reads a dictionary finds one, whatever became of the request."""

import pytest
from harness.kernel import Kernel

CELLS = {
    "a query": ("%%sql\nSELECT 1 AS one", {}),
    "a value": ("1 + 1", {}),
    "nothing": ("", {}),
    "silent": ("%%sql\nSELECT 1 AS one", {"silent": True}),
    "not remembered": ("%%sql\nSELECT 1 AS one", {"store_history": False}),
    "content": ("%%html\n<b>x</b>", {}),
    "a form": ('%%form\na = { type = "int" }', {}),
    "a failed query": ("%%sql\nSELECT nothing FROM nowhere", {}),
    "a failed cell": ("fn fn", {}),
    "a panic": ('panic!("x")', {}),
    "a failed silent cell": ('panic!("x")', {"silent": True}),
    "an unknown magic": ("%%nosuchmagic\nx", {}),
}


# voila-dashboards/voila#682: None in the place of a dictionary froze the page of a kernel that is not IPython.
@pytest.mark.parametrize(("code", "options"), CELLS.values(), ids=CELLS.keys())
def test_expressions_and_payload_are_there_whatever_became_of_the_cell(
    shared_kernel: Kernel, code: str, options: dict[str, bool]
) -> None:
    content = shared_kernel.execute(code, **options).content
    assert content["user_expressions"] == {} and content["payload"] == [], content
    assert isinstance(content["execution_count"], int)


def test_an_aborted_cell_has_a_whole_reply_too(shared_kernel: Kernel) -> None:
    failing = shared_kernel.send_execute('std::thread::sleep(std::time::Duration::from_millis(300)); panic!("x")')
    behind = shared_kernel.send_execute("%%sql\nSELECT 1 AS one")
    shared_kernel.finish(failing)
    (reply,) = [shared_kernel.finish(behind).content]
    assert reply["status"] == "aborted"
    assert reply.get("user_expressions", {}) == {} and reply.get("payload", []) == []
    assert None not in reply.values(), reply


@pytest.mark.parametrize(
    ("request_type", "content"),
    [
        ("kernel_info_request", {}),
        ("complete_request", {"code": "%%sql\nSELE", "cursor_pos": 10}),
        ("complete_request", {"code": "", "cursor_pos": 0}),
        ("inspect_request", {"code": "", "cursor_pos": 0, "detail_level": 0}),
        ("is_complete_request", {"code": ""}),
        ("history_request", {"hist_access_type": "tail", "n": 0, "output": False, "raw": True}),
        ("comm_info_request", {}),
    ],
)
def test_no_reply_has_nothing_where_something_belongs(
    shared_kernel: Kernel, request_type: str, content: dict[str, object]
) -> None:
    reply = shared_kernel.request(request_type, content).content
    assert reply["status"] in ("ok", "complete") and None not in reply.values(), reply
    for name in ("data", "metadata", "comms", "language_info"):
        assert isinstance(reply.get(name, {}), dict), reply
    for name in ("matches", "history"):
        assert isinstance(reply.get(name, []), list), reply
