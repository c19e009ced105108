"""iopub neither drops nor stalls: whatever one front end does, the others get everything, in order."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import zmq
from harness.kernel import Kernel
from jupyter_client.session import Session

LINES = 100_000

# A front end of its own process, so that it can be stopped.
SUBSCRIBER = """
import sys, zmq
socket = zmq.Context().socket(zmq.SUB)
socket.subscribe(b"")
socket.connect(sys.argv[1])
socket.recv_multipart()
print("welcomed", flush=True)
while True:
    socket.recv_multipart()
"""


@contextlib.contextmanager
def frozen_subscriber(kernel: Kernel) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(
        [sys.executable, "-c", SUBSCRIBER, kernel.address("iopub")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout and process.stdout.readline() == "welcomed\n"
        os.kill(process.pid, signal.SIGSTOP)
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_frozen_subscriber_costs_the_others_nothing(new_kernel) -> None:
    kernel = new_kernel()
    kernel.execute("1")
    with frozen_subscriber(kernel):
        cell = kernel.execute(f'for n in 0..{LINES} {{ println!("line {{n}}"); }}')
        assert cell.stream().splitlines() == [f"line {n}" for n in range(LINES)]
        assert cell.status == "ok"


def test_a_subscriber_that_never_reads_is_disconnected_and_nothing_is_lost(new_kernel) -> None:
    # More than its queue and the transport's buffers hold.
    kernel = new_kernel()
    kernel.execute("1")
    with frozen_subscriber(kernel):
        for round in range(5):
            cell = kernel.execute(f'flowdeck::display_html(&"{round}".repeat(24_000_000));')
            (shown,) = cell.of_type("display_data")
            assert shown["content"]["data"]["text/html"] == str(round) * 24_000_000
        assert "disconnected" in kernel.log()
        assert kernel.execute("2 + 2").text == "4"


def test_subscribers_come_and_go_under_load(new_kernel) -> None:
    kernel = new_kernel()
    cell = kernel.start_cell(
        'for n in 0..200 { println!("tick {n}"); std::thread::sleep(std::time::Duration::from_millis(10)); }',
        marker="tick 0",
    )
    for _ in range(50):
        with kernel.context.socket(zmq.SUB) as socket:
            socket.linger = 0
            socket.subscribe(b"")
            socket.connect(kernel.address("iopub"))
            assert socket.poll(5_000), "no welcome in 5 s"
            session = Session(key=kernel.session.key)
            _, frames = session.feed_identities(socket.recv_multipart())
            assert session.deserialize(frames)["msg_type"] == "iopub_welcome"
    ended = kernel.finish(cell)
    assert ended.stream().splitlines() == [f"tick {n}" for n in range(200)]


def test_a_topic_selects(shared_kernel: Kernel) -> None:
    with shared_kernel.context.socket(zmq.SUB) as socket:
        socket.linger = 0
        socket.subscribe(b"stream.")
        socket.connect(shared_kernel.address("iopub"))
        assert socket.poll(5_000)
        topic, *_ = socket.recv_multipart()
        assert topic == b"stream."
        shared_kernel.execute('println!("only this");')
        assert socket.poll(5_000)
        topic, *_ = socket.recv_multipart()
        assert topic == b"stream.stdout"
        assert not socket.poll(200)


def test_a_display_of_fifty_megabytes_arrives_whole(shared_kernel: Kernel) -> None:
    # More than a queue's bound is no reason to lose it; `messages > 300 KiB get lost` was a bug of a transport.
    cell = shared_kernel.execute('flowdeck::display_html(&"<i>0123456789</i>".repeat(50_000_000 / 17));')
    (shown,) = cell.of_type("display_data")
    assert shown["content"]["data"]["text/html"] == "<i>0123456789</i>" * (50_000_000 // 17)


def test_ten_megabytes_of_buffers_are_taken(shared_kernel: Kernel) -> None:
    """The specification's buffers are outside the signature; a comm that nobody knows is closed all the same."""
    content = {"comm_id": "with-buffers", "target_name": "no.such.target", "data": {"buffer_paths": [["a"], ["b"]]}}
    buffers = [os.urandom(10_000_000), b""]
    conversation = shared_kernel.request("comm_open", content, buffers=buffers)
    assert conversation.types == ["comm_close"] and conversation.outputs[0]["content"]["comm_id"] == "with-buffers"
    assert shared_kernel.request("kernel_info_request").status == "ok"
