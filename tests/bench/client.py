"""A front end for measuring: it waits in poll, does nothing else, and stops the clock when the message is there."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil
import zmq
from harness.kernel import CELL_TIMEOUT_S, START_TIMEOUT_S, Kernel, Message
from peak import resident_mib
from peers import Peer


@dataclass(frozen=True)
class Awaited:
    """A message that is waited for.

    One without the bytes `hint` in it cannot be the one: it is put aside and read when the clock has stopped. So the
    client keeps up with a kernel that sends thousands of others before.
    """

    channel: str
    hint: bytes
    is_it: Callable[[Message], bool]


def reply_to(msg_id: str) -> Awaited:
    return Awaited("shell", msg_id.encode(), lambda message: message["parent_header"].get("msg_id") == msg_id)


def idle_after(msg_id: str) -> Awaited:
    def is_it(message: Message) -> bool:
        return (
            message["msg_type"] == "status"
            and message["content"]["execution_state"] == "idle"
            and message["parent_header"].get("msg_id") == msg_id
        )

    return Awaited("iopub", b"idle", is_it)


def update_of(comm: str, name: str, value: object) -> Awaited:
    """The kernel's `update` that gives this attribute of a widget this value."""

    def is_it(message: Message) -> bool:
        content = message["content"]
        if message["msg_type"] != "comm_msg" or content["comm_id"] != comm or content["data"].get("method") != "update":
            return False
        return content["data"]["state"].get(name) == value

    return Awaited("iopub", comm.encode(), is_it)


class BenchKernel(Kernel):
    """One running peer.

    `ready_s` is the time from the start of the process to its kernel_info reply, `first_reply_s` that to the reply to
    `first_cell`, which is sent the moment the kernel is ready.
    """

    def __init__(self, peer: Peer, first_cell: str | None = None) -> None:
        self.peer = peer
        self.first_cell = first_cell
        self.ready_s = self.first_reply_s = 0.0
        self._sent_at = 0.0
        super().__init__(argv=peer.argv, env=peer.env)

    def start(self) -> None:
        self._log = (self.folder / "kernel.log").open("ab")
        argv = [part.replace("{connection_file}", self.connection_file) for part in self.peer.argv]
        env = {**self.peer.environment(), "JPY_PARENT_PID": str(os.getpid())}
        # Connected and asked before the process exists: ZeroMQ delivers as soon as the kernel listens.
        self._connect(reconnect_ms=1)
        request = self.send("kernel_info_request")
        started = time.perf_counter()
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=env,
            cwd=self.folder,
            start_new_session=True,
        )
        try:
            self.wait_for(lambda: self.replies[request], START_TIMEOUT_S, "kernel_info_reply")
            self.ready_s = time.perf_counter() - started
            if self.first_cell is not None:
                cell = self.send_execute(self.first_cell)
                self.wait_for(lambda: self.replies[cell], CELL_TIMEOUT_S, "execute_reply")
                self.first_reply_s = time.perf_counter() - started
                assert self.replies[cell][0]["content"]["status"] == "ok", self.replies[cell][0]["content"]
            self._wait_for_iopub()
        except BaseException:
            self.kill()
            raise

    def _wait_for_iopub(self) -> None:
        """A subscription may arrive after the first messages: asks until something comes, as Jupyter does."""

        def heard() -> bool:
            return any(self.iopub.values())

        for _ in range(50):
            if heard():
                break
            self.send("kernel_info_request")
            try:
                self.wait_for(heard, 0.5, "anything on iopub")
            except AssertionError:
                continue
        self.drain()

    def send(
        self,
        msg_type: str,
        content: Mapping[str, Any] | None = None,
        *,
        channel: str = "shell",
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[bytes] | None = None,
        parent: Message | None = None,
    ) -> str:
        """As for tests, except that the message is ready when the clock starts."""
        message = self.session.msg(msg_type, dict(content or {}), metadata=dict(metadata or {}), parent=parent)
        frames = [*self.session.serialize(message), *(buffers or [])]
        msg_id = message["header"]["msg_id"]
        self.requests[msg_id] = message
        self._sent_at = time.perf_counter()
        self.sockets[channel].send_multipart(frames)
        return msg_id

    def seconds_until(self, *awaited: Awaited, timeout_s: float = CELL_TIMEOUT_S) -> float:
        """Seconds from the sending of the last request to the arrival of the last of these messages."""
        missing, arrived = list(awaited), []
        deadline = time.perf_counter() + timeout_s
        stopped_at = self._sent_at
        while missing:
            assert time.perf_counter() < deadline and self.process.poll() is None, (
                f"{self.peer.name} gave no answer:\n{self.log()[-2000:]}"
            )
            for channel, frames, at in self._receive():
                message = None
                if any(one.channel == channel and any(one.hint in frame for frame in frames) for one in missing):
                    message = self._read(frames)
                    found = [one for one in missing if one.channel == channel and one.is_it(message)]
                    if found:
                        missing = [one for one in missing if one not in found]
                        stopped_at = at
                arrived.append((channel, message or frames))
        for channel, what in arrived:
            self._keep(channel, self._read(what) if isinstance(what, list) else what)
        return stopped_at - self._sent_at

    def _receive(self) -> list[tuple[str, list[bytes], float]]:
        """What is there, waiting a second at most for the first; each with when it was seen."""
        poller = zmq.Poller()
        for channel in ("shell", "iopub"):
            poller.register(self.sockets[channel], zmq.POLLIN)
        received = []
        for socket, _ in poller.poll(1000):
            channel = "shell" if socket is self.sockets["shell"] else "iopub"
            # One per turn on shell: what comes on iopub meanwhile does not wait.
            received.append((channel, socket.recv_multipart(), time.perf_counter()))
            while channel == "iopub":
                try:
                    frames = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                received.append((channel, frames, time.perf_counter()))
        return received

    def _read(self, frames: list[bytes]) -> Message:
        _, signed = self.session.feed_identities(frames)
        return self.session.deserialize(signed)

    def drain(self) -> None:
        """Reads what still comes, until nothing has come for a moment."""
        while self.pump(0.2):
            pass

    def cell(self, code: str) -> float:
        """Seconds from sending a cell to having both its reply and its idle; fails if the cell failed."""
        return self.cell_with_id(code)[0]

    def cell_with_id(self, code: str) -> tuple[float, str]:
        """The same, and the request's id, under which `iopub` has what the cell sent."""
        msg_id = self.send_execute(code)
        elapsed = self.seconds_until(reply_to(msg_id), idle_after(msg_id))
        content = self.replies[msg_id][0]["content"]
        assert content["status"] == "ok", (
            f"{self.peer.name} could not run a cell: {content['ename']}: {content['evalue']}\n{code}"
        )
        return elapsed, msg_id

    def memory_mib(self) -> float:
        """Resident memory of the kernel and of all that it started."""
        return resident_mib(psutil.Process(self.process.pid), *self.children())
