"""Every request is answered, bracketed by one busy and one idle; what is not a request does no harm."""

import json
from pathlib import Path

import pytest
import zmq
from harness.kernel import Conversation, Kernel
from jupyter_client.session import Session

# `Kernel.finish` asserts the bracket and the reply, so these tests only add what the content must be.


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_kernel_info(shared_kernel: Kernel, channel: str) -> None:
    content = shared_kernel.request("kernel_info_request", channel=channel).content
    assert content["status"] == "ok"
    assert content["language_info"]["name"] == "rust"
    assert content["language_info"]["file_extension"] == ".rs"
    assert content["protocol_version"].startswith("5.")
    assert content["implementation"] and content["banner"]


@pytest.mark.parametrize(
    ("msg_type", "content", "expected"),
    [
        (
            "execute_request",
            {"code": "%%sql\nSELECT 1 AS one", "silent": False},
            {"status": "ok", "payload": [], "user_expressions": {}},
        ),
        (
            "complete_request",
            {"code": "%%sql\nSELE", "cursor_pos": 10},
            {"status": "ok", "cursor_start": 6, "cursor_end": 10},
        ),
        ("inspect_request", {"code": "%%sql\nSELECT count(1)", "cursor_pos": 15, "detail_level": 0}, {"status": "ok"}),
        ("is_complete_request", {"code": "%%sql\nSELECT 1\n"}, {"status": "complete"}),
        ("history_request", {"hist_access_type": "tail", "n": 3, "output": False, "raw": True}, {"status": "ok"}),
        ("comm_info_request", {}, {"status": "ok"}),
        # Tables of earlier cells are comms, of another target.
        ("comm_info_request", {"target_name": "no.such.target"}, {"status": "ok", "comms": {}}),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_shell_request(shared_kernel: Kernel, msg_type: str, content: dict, expected: dict) -> None:
    reply = shared_kernel.request(msg_type, content).content
    assert {key: reply.get(key) for key in expected} == expected


def test_interrupt_when_idle_is_answered_and_changes_nothing(shared_kernel: Kernel) -> None:
    # jupyter_client sends an interrupt before every shutdown, so this is no rare case.
    shared_kernel.execute("%%sql --into before_interrupt\nSELECT 7 AS kept")
    assert shared_kernel.interrupt().status == "ok"
    assert "7" in shared_kernel.execute("%%sql\nSELECT kept FROM before_interrupt").text


def test_comm_for_an_unknown_target_is_closed(shared_kernel: Kernel) -> None:
    comm_id = "a-comm-nobody-knows"
    conversation = shared_kernel.request("comm_open", {"comm_id": comm_id, "target_name": "no.such.target", "data": {}})
    assert conversation.types == ["comm_close"]
    assert conversation.outputs[0]["content"]["comm_id"] == comm_id
    assert comm_id not in shared_kernel.request("comm_info_request").content["comms"]


@pytest.mark.parametrize("msg_type", ["comm_msg", "comm_close"])
def test_message_for_an_unknown_comm(shared_kernel: Kernel, msg_type: str) -> None:
    shared_kernel.request(msg_type, {"comm_id": "a-comm-that-never-was", "data": {}})


def test_every_output_has_its_request_as_parent(shared_kernel: Kernel) -> None:
    conversation = shared_kernel.execute("%%sql\nSELECT 1 AS one")
    request = json.loads(json.dumps(conversation.request["header"], default=str))
    for message in [*conversation.iopub, *conversation.replies]:
        parent = message["parent_header"]
        assert {key: parent[key] for key in ("msg_id", "session", "msg_type", "username")} == {
            key: request[key] for key in ("msg_id", "session", "msg_type", "username")
        }


def test_heartbeat_echoes(shared_kernel: Kernel) -> None:
    with shared_kernel.context.socket(zmq.REQ) as socket:
        socket.linger = 0
        socket.connect(shared_kernel.address("hb"))
        for beat in (b"ping", b"\x00\xffanything"):
            socket.send(beat)
            assert socket.poll(5_000), "no heartbeat in 5 s"
            assert socket.recv() == beat


def test_every_subscriber_is_welcomed(shared_kernel: Kernel) -> None:
    for _ in range(3):
        with shared_kernel.context.socket(zmq.SUB) as socket:
            socket.linger = 0
            socket.subscribe(b"")
            socket.connect(shared_kernel.address("iopub"))
            assert socket.poll(5_000), "no welcome in 5 s"
            # A session of its own: the shared one sees every welcome too, and would take this for a replay.
            session = Session(key=shared_kernel.session.key, signature_scheme=shared_kernel.session.signature_scheme)
            _, frames = session.feed_identities(socket.recv_multipart())
            message = session.deserialize(frames)
            assert message["msg_type"] == "iopub_welcome"
            assert message["content"] == {"subscription": ""}


# Counting and history


def test_execution_count_starts_at_one_and_silent_cells_do_not_count(new_kernel) -> None:
    kernel = new_kernel()
    first = kernel.execute("%%sql\nSELECT 1")
    assert first.content["execution_count"] == 1
    assert first.of_type("execute_input")[0]["content"] == {"code": "%%sql\nSELECT 1", "execution_count": 1}
    silent = kernel.execute("%%sql\nSELECT 2", silent=True)
    assert silent.types == [] and not silent.of_type("execute_input"), f"a silent cell shows nothing:\n{silent!r}"
    kernel.execute("%%sql\nSELECT 3", store_history=False)
    assert kernel.execute("%%sql\nSELECT 4").content["execution_count"] == 2
    history = kernel.request(
        "history_request", {"hist_access_type": "tail", "n": 2, "output": False, "raw": True}
    ).content["history"]
    assert [entry[2] for entry in history] == ["%%sql\nSELECT 1", "%%sql\nSELECT 4"]


# Fails late enough for the cells behind it to be in the queue by then.
FAILS_SLOWLY = 'std::thread::sleep(std::time::Duration::from_millis(500)); panic!("on purpose")'


def test_failed_cell_aborts_the_queued_cells_and_nothing_else(shared_kernel: Kernel) -> None:
    failing = shared_kernel.send_execute(FAILS_SLOWLY)
    queued = [shared_kernel.send_execute(f"%%sql\nSELECT {number}") for number in (1, 2)]
    information = shared_kernel.send("comm_info_request")
    comm = shared_kernel.send("comm_open", {"comm_id": "in-between", "target_name": "no.such.target", "data": {}})
    assert shared_kernel.finish(failing).status == "error"
    for msg_id in queued:
        aborted = shared_kernel.finish(msg_id)
        assert aborted.status in ("aborted", "error") and aborted.types == [], repr(aborted)
    assert shared_kernel.finish(information).status == "ok"
    assert shared_kernel.finish(comm).types == ["comm_close"]
    assert shared_kernel.execute("%%sql\nSELECT 3 AS n").status == "ok"


def test_aborted_cells_do_not_count(shared_kernel: Kernel) -> None:
    failing = shared_kernel.send_execute(FAILS_SLOWLY)
    queued = [shared_kernel.send_execute(f"%%sql\nSELECT {number}") for number in (1, 2)]
    count = shared_kernel.finish(failing).content["execution_count"]
    for msg_id in queued:
        assert not shared_kernel.finish(msg_id).of_type("execute_input")
    assert shared_kernel.execute("%%sql\nSELECT 3 AS n").content["execution_count"] == count + 1


def test_without_stop_on_error_the_queue_goes_on(shared_kernel: Kernel) -> None:
    failing = shared_kernel.send_execute(FAILS_SLOWLY, stop_on_error=False)
    queued = shared_kernel.send_execute("%%sql\nSELECT 5 AS n")
    assert shared_kernel.finish(failing).status == "error"
    assert shared_kernel.finish(queued).status == "ok"


# What is wrong, missing or unknown

BAD_FRAMES = {
    "nothing": [b""],
    "delimiter alone": [b"<IDS|MSG>"],
    "no delimiter": [b"one", b"two", b"three", b"four", b"five", b"six"],
    "signature alone": [b"<IDS|MSG>", b"00"],
    "truncated": [b"<IDS|MSG>", b"00", b"{}", b"{}"],
    "not text": [b"\xff\xfe<IDS|MSG>", b"\xff", b"\xff", b"\xff", b"\xff", b"\xff"],
    "many empty frames": [b""] * 100,
}


@pytest.mark.parametrize("channel", ["shell", "control", "stdin"])
@pytest.mark.parametrize("frames", BAD_FRAMES.values(), ids=BAD_FRAMES.keys())
def test_malformed_frames_are_survived(shared_kernel: Kernel, channel: str, frames: list[bytes]) -> None:
    shared_kernel.send_frames(frames, channel=channel)
    _still_answers(shared_kernel)


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_wrongly_signed_message_is_ignored(shared_kernel: Kernel, channel: str) -> None:
    header = shared_kernel.session.msg_header("kernel_info_request")
    header["date"] = header["date"].isoformat()
    frames = shared_kernel.signed_frames(header, {})
    for signature in (b"", b"0" * 64, frames[1][:-1] + (b"0" if frames[1][-1:] != b"0" else b"1")):
        shared_kernel.send_frames([frames[0], signature, *frames[2:]], channel=channel)
    _still_answers(shared_kernel)
    assert not shared_kernel.replies[header["msg_id"]], "a message with a wrong signature was answered"
    assert not shared_kernel.iopub[header["msg_id"]], "a message with a wrong signature was announced"


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_a_message_that_comes_twice_is_answered_once(shared_kernel: Kernel, channel: str) -> None:
    """A recorded message must not run a cell a second time."""
    header = shared_kernel.session.msg_header("kernel_info_request")
    header["date"] = header["date"].isoformat()
    frames = shared_kernel.signed_frames(header, {})
    for _ in range(3):
        shared_kernel.send_frames(frames, channel=channel)
    _still_answers(shared_kernel)
    assert len(shared_kernel.replies[header["msg_id"]]) == 1
    states = [m["content"]["execution_state"] for m in shared_kernel.iopub[header["msg_id"]]]
    assert states == ["busy", "idle"]


def test_a_recorded_message_is_not_taken_on_another_channel(shared_kernel: Kernel) -> None:
    header = shared_kernel.session.msg_header("kernel_info_request")
    header["date"] = header["date"].isoformat()
    frames = shared_kernel.signed_frames(header, {})
    shared_kernel.send_frames(frames, channel="shell")
    _still_answers(shared_kernel)
    shared_kernel.send_frames(frames, channel="control")
    _still_answers(shared_kernel)
    assert len(shared_kernel.replies[header["msg_id"]]) == 1


SIGNED_NONSENSE = {
    "header is a list": ([1, 2], {}),
    "header is empty": ({}, {}),
    "header lacks the type": ({"msg_id": "a"}, {}),
    "types are wrong": ({"msg_id": 1, "msg_type": 2, "session": None}, {}),
    "content is a list": ({"msg_id": "b", "msg_type": "execute_request", "session": "s"}, [1]),
    "content is null": ({"msg_id": "c", "msg_type": "complete_request", "session": "s"}, None),
    "code is a number": ({"msg_id": "d", "msg_type": "execute_request", "session": "s"}, {"code": 1}),
    "position is negative": (
        {"msg_id": "e", "msg_type": "complete_request", "session": "s"},
        {"code": "a", "cursor_pos": -5},
    ),
    "position is far outside": (
        {"msg_id": "f", "msg_type": "inspect_request", "session": "s"},
        {"code": "a", "cursor_pos": 10**12},
    ),
    "type is unknown": ({"msg_id": "g", "msg_type": "no_such_request", "session": "s"}, {}),
}


@pytest.mark.parametrize(("header", "content"), SIGNED_NONSENSE.values(), ids=SIGNED_NONSENSE.keys())
def test_signed_nonsense_is_survived(shared_kernel: Kernel, header: object, content: object) -> None:
    for channel in ("shell", "control"):
        shared_kernel.send_frames(shared_kernel.signed_frames(header, content), channel=channel)
    _still_answers(shared_kernel)


def test_broken_json_with_a_right_signature_is_survived(shared_kernel: Kernel) -> None:
    parts = [b"{not json", b"{}", b"{}", b"{}"]
    shared_kernel.send_frames([b"<IDS|MSG>", shared_kernel.session.sign(parts), *parts])
    _still_answers(shared_kernel)


@pytest.mark.parametrize(
    ("msg_type", "content"),
    [
        ("execute_request", {"code": "%%sql\nSELECT 1"}),
        ("execute_request", {"code": ""}),
        ("complete_request", {"code": "%%sql\nSELE"}),
        ("inspect_request", {"code": "%%sql\nSELECT count(1)"}),
        ("history_request", {}),
        ("history_request", {"hist_access_type": "search", "pattern": "*"}),
        ("comm_info_request", {"target_name": "jupyter.widget"}),
    ],
)
def test_missing_fields_have_defaults(shared_kernel: Kernel, msg_type: str, content: dict) -> None:
    assert shared_kernel.request(msg_type, content).status == "ok"


def test_unknown_fields_are_allowed(shared_kernel: Kernel) -> None:
    cell = shared_kernel.request(
        "execute_request", {"code": "%%sql\nSELECT 1", "of_a_later_version": {"deep": [1]}}, metadata={"cellId": "x"}
    )
    assert cell.status == "ok"


def test_cursor_positions_count_code_points(shared_kernel: Kernel) -> None:
    # Two astral characters: four UTF-16 units, two code points, and a flag that is one grapheme of two code points.
    code = "%%sql\nSELECT '🦀🦀🇦🇹' AS s, coun"
    reply = shared_kernel.request("complete_request", {"code": code, "cursor_pos": len(code)}).content
    assert (reply["cursor_start"], reply["cursor_end"]) == (len(code) - 4, len(code))
    assert "count" in [match.rstrip("(").lower() for match in reply["matches"]]


def test_completions_have_types_in_the_order_of_the_matches(shared_kernel: Kernel) -> None:
    code = "%%sql\nSELECT co"
    reply = shared_kernel.request("complete_request", {"code": code, "cursor_pos": len(code)}).content
    typed = reply["metadata"]["_jupyter_types_experimental"]
    assert reply["matches"] and [entry["text"] for entry in typed] == reply["matches"]


# Keys and transports


def test_empty_key_means_no_signatures(new_kernel) -> None:
    kernel = new_kernel(key=b"")
    cell = kernel.execute("%%sql\nSELECT 21 * 2 AS answer")
    assert "42" in cell.text
    # All signatures are alike then: no message is taken for a replay, and none for a forgery.
    header = kernel.session.msg_header("kernel_info_request")
    header["date"] = header["date"].isoformat()
    for _ in range(2):
        kernel.send_frames(kernel.signed_frames(header, {}))
    kernel.wait_for(lambda: len(kernel.replies[header["msg_id"]]) == 2, 10, "two replies")


def test_ipc_transport_and_a_restart_on_the_same_sockets(new_kernel) -> None:
    kernel = new_kernel(transport="ipc")
    assert "42" in kernel.execute("%%sql\nSELECT 21 * 2 AS answer").text
    # A killed kernel leaves its socket files; the next one must not stumble over them.
    kernel.kill()
    assert _sockets(kernel), "the killed kernel left nothing; this test wants stale sockets"
    kernel.start()
    assert "42" in kernel.execute("%%sql\nSELECT 21 * 2 AS answer").text
    kernel.send("shutdown_request", {"restart": False}, channel="control")
    kernel.process.wait(10)
    assert not _sockets(kernel), "a kernel that ends in order removes its sockets"


def _still_answers(kernel: Kernel) -> None:
    for channel in ("shell", "control"):
        answer: Conversation = kernel.request("kernel_info_request", channel=channel, timeout=10)
        assert answer.status == "ok"


def _sockets(kernel: Kernel) -> list[Path]:
    return [file for file in kernel.folder.iterdir() if file.is_socket()]
