"""The 27 tests of the public kernel testbed (runtimed/kernel-testbed) under their names, in its four tiers.

The suite itself is no test dependency: its Rust snippets are evcxr's. Where it is content with an answer, these tests
also look at what the answer says.
"""

import uuid

import psutil
import zmq
from conformance import snippets
from harness.analyser import await_analyser
from harness.kernel import Conversation, Kernel, eventually, gone
from jupyter_client.session import Session

PROMPT_S = 10

# Tier 1: basic protocol


def test_heartbeat_responds(shared_kernel: Kernel) -> None:
    with shared_kernel.context.socket(zmq.REQ) as socket:
        socket.linger = 0
        socket.connect(shared_kernel.address("hb"))
        socket.send(b"ping")
        assert socket.poll(PROMPT_S * 1000), "no heartbeat"
        assert socket.recv() == b"ping"


def test_iopub_welcome(shared_kernel: Kernel) -> None:
    with shared_kernel.context.socket(zmq.SUB) as socket:
        socket.linger = 0
        socket.subscribe(b"")
        socket.connect(shared_kernel.address("iopub"))
        assert socket.poll(PROMPT_S * 1000), "no welcome"
        session = Session(key=shared_kernel.session.key)
        _, frames = session.feed_identities(socket.recv_multipart())
        welcome = session.deserialize(frames)
    assert welcome["msg_type"] == "iopub_welcome"
    assert welcome["content"] == {"subscription": ""} and not welcome["parent_header"]


def test_kernel_info_reply_valid(shared_kernel: Kernel) -> None:
    content = shared_kernel.request("kernel_info_request").content
    assert content["status"] == "ok"
    assert content["implementation"] and content["implementation_version"] and content["banner"]


def test_kernel_info_has_language_info(shared_kernel: Kernel) -> None:
    language = shared_kernel.request("kernel_info_request").content["language_info"]
    assert language["name"] == "rust" and language["file_extension"] == ".rs"
    assert language["version"] and language["mimetype"]


def test_kernel_info_has_protocol_version(shared_kernel: Kernel) -> None:
    version = shared_kernel.request("kernel_info_request").content["protocol_version"]
    assert [int(part) for part in version.split(".")][0] == 5


def test_execute_stdout(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(snippets.PRINT_HELLO)
    assert cell.stream("stdout") == "hello\n" and cell.types == ["stream"]


def test_execute_stderr(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(snippets.PRINT_STDERR)
    assert cell.stream("stderr") == "error\n" and cell.types == ["stream"]


def test_execute_reply_ok(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(snippets.COMPLETE_CODE)
    assert cell.status == "ok" and cell.types == []
    assert cell.content["payload"] == [] and cell.content["user_expressions"] == {}


def test_status_busy_idle_lifecycle(shared_kernel: Kernel) -> None:
    # `execute` itself asserts one busy first and one idle last; here the reply's place between them.
    cell = shared_kernel.execute(snippets.COMPLETE_CODE)
    states = [message["content"]["execution_state"] for message in cell.of_type("status")]
    assert states == ["busy", "idle"]
    busy, idle = (message["header"]["date"] for message in cell.of_type("status"))
    assert busy <= cell.reply["header"]["date"] <= idle


def test_execute_input_broadcast(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(snippets.COMPLETE_CODE)
    (announced,) = cell.of_type("execute_input")
    assert announced["content"] == {
        "code": snippets.COMPLETE_CODE,
        "execution_count": cell.content["execution_count"],
    }


def test_shutdown_reply(new_kernel) -> None:
    kernel: Kernel = new_kernel()
    process = psutil.Process(kernel.process.pid)
    request = kernel.send("shutdown_request", {"restart": False}, channel="control")
    kernel.wait_for(lambda: kernel.replies[request], PROMPT_S, "shutdown_reply")
    (reply,) = kernel.replies[request]
    assert reply["msg_type"] == "shutdown_reply" and reply["content"] == {"status": "ok", "restart": False}
    assert kernel.process.wait(PROMPT_S) == 0
    assert eventually(lambda: gone(process), PROMPT_S)


# Tier 2: interactive features


def test_complete_request(shared_kernel: Kernel) -> None:
    shared_kernel.execute(snippets.COMPLETION_SETUP)
    await_analyser(shared_kernel)
    prefix = snippets.COMPLETION_PREFIX
    reply = shared_kernel.request("complete_request", {"code": prefix, "cursor_pos": len(prefix)}).content
    assert reply["status"] == "ok" and reply["matches"] == [snippets.COMPLETION_VAR]
    assert (reply["cursor_start"], reply["cursor_end"]) == (0, len(prefix))


def test_inspect_request(shared_kernel: Kernel) -> None:
    shared_kernel.execute(snippets.COMPLETION_SETUP)
    await_analyser(shared_kernel)
    name = snippets.COMPLETION_VAR
    reply = shared_kernel.request("inspect_request", {"code": name, "cursor_pos": len(name), "detail_level": 0}).content
    assert reply["status"] == "ok" and reply["found"] is True
    assert "i32" in reply["data"]["text/plain"]


def test_is_complete_complete(shared_kernel: Kernel) -> None:
    assert shared_kernel.request("is_complete_request", {"code": snippets.COMPLETE_CODE}).status == "complete"


def test_is_complete_incomplete(shared_kernel: Kernel) -> None:
    reply = shared_kernel.request("is_complete_request", {"code": snippets.INCOMPLETE_CODE}).content
    assert reply["status"] == "incomplete" and reply["indent"].strip() == ""


def test_history_request(shared_kernel: Kernel) -> None:
    shared_kernel.execute(snippets.COMPLETE_CODE)
    reply = shared_kernel.request(
        "history_request", {"hist_access_type": "tail", "n": 10, "output": False, "raw": True}
    ).content
    assert reply["status"] == "ok" and len(reply["history"]) <= 10
    assert reply["history"][-1][2] == snippets.COMPLETE_CODE


def test_comm_info_request(shared_kernel: Kernel) -> None:
    for content in ({}, {"target_name": "jupyter.widget"}, {"target_name": None}):
        assert shared_kernel.request("comm_info_request", content).content == {"status": "ok", "comms": {}}


def test_error_handling(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(snippets.SYNTAX_ERROR)
    assert cell.status == "error" and cell.types == ["error"]
    for key in ("ename", "evalue", "traceback"):
        assert cell.content[key] and cell.content[key] == cell.errors[0]["content"][key]


# Tier 3: rich output


def test_display_data(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(snippets.DISPLAY_DATA_CODE)
    assert cell.types == ["display_data"]
    assert cell.outputs[0]["content"]["data"]["text/html"] == "<b>bold</b>"


def test_update_display_data(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(snippets.UPDATE_DISPLAY_DATA_CODE)
    assert cell.types == ["display_data", "update_display_data"]
    shown, updated = (message["content"] for message in cell.outputs)
    assert "✨ updated ✨" in updated["data"]["text/html"]
    assert shown["transient"]["display_id"] == updated["transient"]["display_id"]


def test_execute_result(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(snippets.SIMPLE_EXPR)
    (result,) = cell.of_type("execute_result")
    assert result["content"]["data"]["text/plain"] == snippets.SIMPLE_EXPR_RESULT
    assert result["content"]["execution_count"] == cell.content["execution_count"]


def test_rich_execute_result(shared_kernel: Kernel) -> None:
    (result,) = shared_kernel.execute(snippets.RICH_EXECUTE_RESULT_CODE).of_type("execute_result")
    assert result["content"]["data"]["text/html"] == "<b>bold</b>"


# Tier 4: advanced features


def test_stdin_input_request(shared_kernel: Kernel) -> None:
    cell = shared_kernel.send_execute(snippets.INPUT_PROMPT, allow_stdin=True)
    shared_kernel.wait_for(lambda: shared_kernel.stdin, 120, "an input_request")
    (question,) = shared_kernel.stdin
    assert question["content"] == {"prompt": "Enter: ", "password": False}
    shared_kernel.send("input_reply", {"value": snippets.INPUT_ANSWER}, channel="stdin", parent=question)
    assert shared_kernel.finish(cell).text == snippets.INPUT_RESULT


def test_comms_lifecycle(shared_kernel: Kernel) -> None:
    """A target that nobody registered: closed at once, and forgotten."""
    comm_id = str(uuid.uuid4())
    opened = shared_kernel.request("comm_open", {"comm_id": comm_id, "target_name": "no.such.target", "data": {}})
    assert opened.types == ["comm_close"] and opened.outputs[0]["content"]["comm_id"] == comm_id
    assert shared_kernel.request("comm_info_request").content["comms"] == {}
    # Whoever did not see the close yet goes on talking.
    for msg_type in ("comm_msg", "comm_close"):
        assert shared_kernel.request(msg_type, {"comm_id": comm_id, "data": {}}).types == []
    assert shared_kernel.execute(snippets.SIMPLE_EXPR).text == snippets.SIMPLE_EXPR_RESULT


def test_comms_lifecycle_of_a_widget(shared_kernel: Kernel) -> None:
    """The target `jupyter.widget`: opened by the front end with a model's whole state, listed, answering, closed."""
    comm_id = str(uuid.uuid4())
    opened = _to_widget(
        shared_kernel,
        "comm_open",
        {
            "comm_id": comm_id,
            "target_name": "jupyter.widget",
            "data": {"state": snippets.WIDGET_STATE, "buffer_paths": []},
        },
    )
    assert "comm_close" not in opened.types, f"the target `jupyter.widget` is not taken:\n{opened!r}"
    assert shared_kernel.request("comm_info_request").content["comms"] == {comm_id: {"target_name": "jupyter.widget"}}
    filtered = shared_kernel.request("comm_info_request", {"target_name": "no.such.target"})
    assert filtered.content["comms"] == {}
    asked = _to_widget(shared_kernel, "comm_msg", {"comm_id": comm_id, "data": {"method": "request_state"}})
    (answer,) = asked.of_type("comm_msg")
    assert answer["content"]["data"]["method"] == "update"
    assert answer["content"]["data"]["state"]["width"] == snippets.WIDGET_STATE["width"]
    closed = _to_widget(shared_kernel, "comm_close", {"comm_id": comm_id, "data": {}})
    assert closed.types == []
    assert shared_kernel.request("comm_info_request").content["comms"] == {}


def test_interrupt_request(shared_kernel: Kernel) -> None:
    cell = shared_kernel.start_cell(snippets.SLEEP_CODE, marker=snippets.SLEEP_MARKER)
    assert shared_kernel.interrupt(PROMPT_S).content == {"status": "ok"}
    stopped = shared_kernel.finish(cell, PROMPT_S)
    assert stopped.status == "error" and len(stopped.errors) == 1
    assert shared_kernel.execute(snippets.SIMPLE_EXPR).text == snippets.SIMPLE_EXPR_RESULT


def test_execution_count_increments(shared_kernel: Kernel) -> None:
    first, second = (
        shared_kernel.execute(snippets.COMPLETE_CODE).content["execution_count"],
        shared_kernel.execute(snippets.COMPLETE_CODE).content["execution_count"],
    )
    assert second == first + 1


def test_parent_header_correlation(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(snippets.PRINT_HELLO)
    request = cell.request["header"]
    assert len(cell.iopub) >= 4
    for message in [*cell.iopub, cell.reply]:
        assert message["parent_header"]["msg_id"] == request["msg_id"]
        assert message["parent_header"]["session"] == request["session"]
        assert message["header"]["session"] != request["session"], "the kernel has a session of its own"


def test_all_of_the_suite_is_here() -> None:
    """27 tests, one function each; the widget's comm is ours on top."""
    names = [name for name in globals() if name.startswith("test_")]
    ours = {"test_comms_lifecycle_of_a_widget", "test_all_of_the_suite_is_here"}
    assert len(set(names) - ours) == 27


def _to_widget(kernel: Kernel, msg_type: str, content: dict) -> Conversation:
    return kernel.request(msg_type, content, metadata={"version": snippets.WIDGET_VERSION})
