"""A front end for measuring: it waits in poll, does nothing else, and stops the clock when the message is there."""

import os
import subprocess
import time

import psutil
import zmq
from harness.kernel import CELL_TIMEOUT_S, START_TIMEOUT_S, Kernel
from peers import Peer


class BenchKernel(Kernel):
    """One running peer.

    `ready_s` is the time from the start of the process to its kernel_info reply, `first_reply_s` that to the reply to
    `first_cell`, which is sent the moment the kernel is ready.
    """

    def __init__(self, peer: Peer, first_cell: str | None = None) -> None:
        self.peer = peer
        self.first_cell = first_cell
        self.ready_s = self.first_reply_s = 0.0
        super().__init__(argv=peer.argv, env=peer.env)

    def start(self) -> None:
        self._log = (self.folder / "kernel.log").open("ab")
        argv = [part.replace("{connection_file}", self.connection_file) for part in self.peer.argv]
        env = {**os.environ, **self.peer.env, "JPY_PARENT_PID": str(os.getpid())}
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
        while self.pump(0.2):
            pass

    def cell(self, code: str) -> float:
        """Seconds from sending a cell to having both its reply and its idle; fails if the cell failed."""
        started = time.perf_counter()
        msg_id = self.send_execute(code)
        self._wait_until_over(msg_id)
        elapsed = time.perf_counter() - started
        content = self.replies[msg_id][0]["content"]
        assert content["status"] == "ok", f"{self.peer.name} could not run {code!r}: {content}"
        return elapsed

    def _wait_until_over(self, msg_id: str, timeout_s: float = CELL_TIMEOUT_S) -> None:
        poller = zmq.Poller()
        for name in ("shell", "iopub"):
            poller.register(self.sockets[name], zmq.POLLIN)
        deadline = time.monotonic() + timeout_s
        while not (self.replies[msg_id] and self.is_idle(msg_id)):
            assert time.monotonic() < deadline and self.process.poll() is None, (
                f"{self.peer.name} gave no answer:\n{self.log()[-2000:]}"
            )
            for socket, _ in poller.poll(1000):
                channel = "shell" if socket is self.sockets["shell"] else "iopub"
                _, signed = self.session.feed_identities(socket.recv_multipart())
                self._keep(channel, self.session.deserialize(signed))

    def memory_mib(self) -> float:
        """Resident memory of the kernel and of all that it started, shared pages counted once per process."""
        total = 0
        for process in [psutil.Process(self.process.pid), *self.children()]:
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return total / 2**20
