"""A front end that comes back: browsers reload under the same routing identity, and Jupyter Server opens sockets only
to ask once.
"""

import psutil
import pytest
from harness.kernel import Kernel, eventually
from harness.peer import Peer

RECONNECTS = 1_000
# What a kernel may open by itself meanwhile: a cell's files, the compiler's pipes. A leak is one for each reconnect.
DESCRIPTORS_SPARE = 50


@pytest.fixture
def bounded_descriptors(shared_kernel: Kernel):
    """Fails the test whose connections are not closed in the kernel when they are closed here."""
    # The first cell opens what stays open.
    shared_kernel.execute("1")
    process = psutil.Process(shared_kernel.process.pid)
    before = process.num_fds()
    yield
    assert eventually(lambda: process.num_fds() <= before + DESCRIPTORS_SPARE, 20), (
        f"{process.num_fds()} descriptors are open, {before} were before"
    )


@pytest.mark.usefixtures("bounded_descriptors")
def test_a_thousand_reconnects_with_the_same_identity(shared_kernel: Kernel) -> None:
    for _ in range(RECONNECTS):
        with Peer(shared_kernel, b"reloaded") as peer:
            assert peer.request("kernel_info_request")["content"]["status"] == "ok"
    assert shared_kernel.execute("%%sql\nSELECT 41 + 1 AS n").status == "ok"


@pytest.mark.usefixtures("bounded_descriptors")
def test_a_reconnect_before_the_old_connection_is_closed(shared_kernel: Kernel) -> None:
    """The kernel hears of the new connection first: it takes over the identity, and the old one's end leaves it."""
    peer = Peer(shared_kernel, b"overlapping")
    peer.request("kernel_info_request")
    for _ in range(RECONNECTS // 10):
        with peer:
            peer = Peer(shared_kernel, b"overlapping")
            assert peer.request("kernel_info_request")["content"]["status"] == "ok"
        assert peer.request("kernel_info_request")["content"]["status"] == "ok"
    peer.__exit__()


@pytest.mark.usefixtures("bounded_descriptors")
def test_connections_that_say_nothing_or_leave_at_once(shared_kernel: Kernel) -> None:
    for number in range(RECONNECTS // 5):
        with Peer(shared_kernel, b"silent", ("shell", "control", "stdin")) as peer:
            if number % 2:
                peer.send("kernel_info_request")
    with Peer(shared_kernel, b"silent") as peer:
        assert peer.request("kernel_info_request")["content"]["status"] == "ok"


def test_the_reply_of_a_running_cell_finds_the_reloaded_front_end(shared_kernel: Kernel, tmp_path) -> None:
    go_on = tmp_path / "go-on"
    code = f'while !std::path::Path::new("{go_on}").exists() {{ std::thread::yield_now(); }}\n6 * 7'
    with Peer(shared_kernel, b"reloads-in-a-cell") as peer:
        cell = peer.send("execute_request", {"code": code, "allow_stdin": False})
        shared_kernel.wait_for(
            lambda: any(m["msg_type"] == "execute_input" for m in shared_kernel.iopub[cell]), 60, "execute_input"
        )
    with Peer(shared_kernel, b"reloads-in-a-cell") as peer:
        # Known to the kernel from here on.
        peer.request("kernel_info_request")
        go_on.touch()
        assert peer.reply_to(cell, 60)["content"]["status"] == "ok"
