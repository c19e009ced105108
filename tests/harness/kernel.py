"""A front end that sees everything: it starts a kernel and keeps every message until a test has looked at it.

jupyter_client's own clients hide what these tests are about (they poll, retry and drop what nobody asked for), so
this one uses only its wire format (`Session`) and plain ZeroMQ sockets. Reading goes like this:

    with Kernel() as kernel:
        cell = kernel.execute("1 + 1")
        assert cell.status == "ok" and cell.text == "2"

Every `Conversation` that `Kernel` hands out was bracketed by exactly one busy and one idle; anything else fails in
the test that caused it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.session import Session

Message = dict[str, Any]

# Another installed kernel can stand in, to see what the reference does: FLOWDECK_TEST_KERNEL=python3.
KERNEL_NAME = os.environ.get("FLOWDECK_TEST_KERNEL", "flowdeck")

START_TIMEOUT_S = 60
# The first Rust cell of a kernel waits for evcxr and rust-analyzer, which a development build runs slowly.
CELL_TIMEOUT_S = 120
# How long a second idle or a late output is waited for before a conversation counts as over.
SETTLE_S = 0.1

# Requests that are answered by a message on their own channel. The comm messages are not.
_WITHOUT_REPLY = {"comm_open", "comm_msg", "comm_close"}


class Conversation:
    """One request, its reply, and everything on iopub that has this request as its parent."""

    def __init__(self, request: Message, replies: list[Message], iopub: list[Message]) -> None:
        self.request = request
        self.replies = replies
        self.iopub = iopub

    def __repr__(self) -> str:
        lines = [f"{self.request['msg_type']} {_short(self.request['content'])}"]
        lines += [f"  reply  {m['msg_type']} {_short(m['content'])}" for m in self.replies]
        lines += [f"  iopub  {m['msg_type']} {_short(m['content'])}" for m in self.iopub]
        return "\n".join(lines)

    @property
    def reply(self) -> Message:
        assert len(self.replies) == 1, f"expected one reply:\n{self!r}"
        return self.replies[0]

    @property
    def content(self) -> dict[str, Any]:
        return self.reply["content"]

    @property
    def status(self) -> str:
        return self.content["status"]

    @property
    def types(self) -> list[str]:
        """The outputs' message types in order, without busy, idle and execute_input."""
        return [m["msg_type"] for m in self.outputs]

    @property
    def outputs(self) -> list[Message]:
        return [m for m in self.iopub if m["msg_type"] not in ("status", "execute_input")]

    def of_type(self, msg_type: str) -> list[Message]:
        return [m for m in self.iopub if m["msg_type"] == msg_type]

    @property
    def errors(self) -> list[Message]:
        return self.of_type("error")

    @property
    def error_text(self) -> str:
        """What a person reads of the one error: name, value and traceback, without colours."""
        assert len(self.errors) == 1, f"expected exactly one error message:\n{self!r}"
        content = self.errors[0]["content"]
        return without_colours("\n".join([content["ename"], content["evalue"], *content["traceback"]]))

    def stream(self, name: str = "stdout") -> str:
        return "".join(m["content"]["text"] for m in self.of_type("stream") if m["content"]["name"] == name)

    @property
    def text(self) -> str:
        """text/plain of all results and displays, one after the other."""
        shown = [m for m in self.iopub if m["msg_type"] in ("execute_result", "display_data")]
        return "\n".join(m["content"]["data"].get("text/plain", "") for m in shown)

    def assert_bracketed(self) -> None:
        """Busy first and once, idle last and once, one reply of the right type where one is due."""
        states = [m["content"]["execution_state"] for m in self.of_type("status")]
        assert states == ["busy", "idle"], f"expected one busy and one idle, got {states}:\n{self!r}"
        assert self.iopub[0]["msg_type"] == "status", f"something came before busy:\n{self!r}"
        assert self.iopub[-1]["msg_type"] == "status", f"something came after idle:\n{self!r}"
        expected = [] if self.request["msg_type"] in _WITHOUT_REPLY else [_reply_type(self.request["msg_type"])]
        assert [m["msg_type"] for m in self.replies] == expected, f"expected replies {expected}:\n{self!r}"


class Kernel:
    """A kernel process and our sockets to it. Ends with the `with` block, children included."""

    def __init__(
        self,
        *,
        argv: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        key: bytes | None = None,
        transport: str = "tcp",
        cwd: Path | None = None,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="flowdeck-test-"))
        self.connection_file = str(self.folder / "connection.json")
        _, self.info = write_connection_file(
            self.connection_file,
            ip=str(self.folder / "socket") if transport == "ipc" else "127.0.0.1",
            transport=transport,
            key=os.urandom(16).hex().encode() if key is None else key,
        )
        self._argv = argv
        self._env = env
        self._cwd = cwd or self.folder
        self.process: subprocess.Popen[bytes]
        self.start()

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # The process

    def start(self) -> None:
        """Starts the process and waits until it has answered. Also a second time, on the same addresses."""
        self._log = (self.folder / "kernel.log").open("ab")
        env = {**os.environ, "JPY_PARENT_PID": str(os.getpid()), **kernel_env()}
        self.process = subprocess.Popen(
            [part.replace("{connection_file}", self.connection_file) for part in self._argv or kernel_argv()],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=env if self._env is None else {**env, **self._env},
            cwd=self._cwd,
            # As Jupyter does. Interrupts are messages, never signals to a group.
            start_new_session=True,
        )
        self._connect()
        try:
            self.wait_for(
                lambda: any(m["msg_type"] == "iopub_welcome" for m in self.parentless), START_TIMEOUT_S, "iopub_welcome"
            )
            self.kernel_info = self.request("kernel_info_request", timeout=START_TIMEOUT_S)
        except BaseException:
            self.kill()
            raise

    def close(self) -> None:
        """Asks the kernel to end, insists after five seconds, and removes what it left."""
        try:
            if self.process.poll() is None:
                self.send("shutdown_request", {"restart": False}, channel="control")
                try:
                    self.process.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    pass
        finally:
            self.kill()
            self._log.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """SIGKILL for the kernel and for everything it started."""
        if self.process.poll() is None:
            children = self.children()
            self.process.kill()
            self.process.wait()
            for child in children:
                try:
                    child.kill()
                except psutil.NoSuchProcess:
                    pass
        self._disconnect()

    def children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def log(self) -> str:
        return (self.folder / "kernel.log").read_text(errors="replace")

    # The sockets

    def address(self, channel: str) -> str:
        separator = "-" if self.info["transport"] == "ipc" else ":"
        return f"{self.info['transport']}://{self.info['ip']}{separator}{self.info[channel + '_port']}"

    def _connect(self, reconnect_ms: int = 10) -> None:
        self.session = Session(key=self.info["key"].encode(), signature_scheme=self.info["signature_scheme"])
        self.context = zmq.Context()
        self.sockets: dict[str, zmq.Socket[bytes]] = {}
        identity = self.session.bsession
        for channel, kind in (
            ("shell", zmq.DEALER),
            ("control", zmq.DEALER),
            ("stdin", zmq.DEALER),
            ("iopub", zmq.SUB),
        ):
            socket = self.context.socket(kind)
            socket.linger = 0
            socket.reconnect_ivl = reconnect_ms
            # A front end that reads slowly loses nothing on its own side.
            socket.rcvhwm = 0
            if kind == zmq.DEALER:
                socket.identity = identity
            else:
                socket.subscribe(b"")
            socket.connect(self.address(channel))
            self.sockets[channel] = socket
        self.requests: dict[str, Message] = {}
        self.replies: dict[str, list[Message]] = defaultdict(list)
        self.iopub: dict[str, list[Message]] = defaultdict(list)
        self.stdin: list[Message] = []
        self.parentless: list[Message] = []
        # What a front end shows beside the kernel's name: the latest status, whatever it belongs to.
        self.state = ""

    def _disconnect(self) -> None:
        self.context.destroy(linger=0)

    def pump(self, timeout: float) -> bool:
        """Reads what has arrived, waiting at most `timeout` seconds for the first message."""
        poller = zmq.Poller()
        for socket in self.sockets.values():
            poller.register(socket, zmq.POLLIN)
        ready = dict(poller.poll(int(timeout * 1000)))
        for channel, socket in self.sockets.items():
            while socket in ready:
                try:
                    frames = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                _, signed = self.session.feed_identities(frames)
                self._keep(channel, self.session.deserialize(signed))
        return bool(ready)

    def _keep(self, channel: str, message: Message) -> None:
        message["received"] = time.monotonic()
        parent = message["parent_header"].get("msg_id")
        if channel == "iopub":
            (self.iopub[parent] if parent else self.parentless).append(message)
            if message["msg_type"] == "status":
                self.state = message["content"]["execution_state"]
        elif channel == "stdin":
            self.stdin.append(message)
        else:
            self.replies[parent].append(message)

    def wait_for(self, done: Callable[[], object], timeout: float, what: str) -> None:
        """Reads messages until `done`; fails with what the kernel wrote to its log."""
        deadline = time.monotonic() + timeout
        while not done():
            ended = self.process.poll()
            remaining = deadline - time.monotonic()
            if ended is None and remaining > 0:
                self.pump(min(remaining, 0.2))
                continue
            # What an ended process has sent may still be on its way.
            self.pump(0.2)
            if done():
                return
            reason = f"the kernel ended with {ended}" if ended is not None else f"nothing came in {timeout} s"
            raise AssertionError(
                f"waiting for {what}: {reason}\n{self._pending()}\nlog of the kernel:\n{self.log()[-4000:]}"
            )

    def _pending(self) -> str:
        return "\n".join(
            repr(Conversation(request, self.replies[msg_id], self.iopub[msg_id]))
            for msg_id, request in list(self.requests.items())[-3:]
        )

    # Requests

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
        """Sends a request and returns its message id, waiting for nothing."""
        message = self.session.msg(msg_type, dict(content or {}), metadata=dict(metadata or {}), parent=parent)
        self.session.send(self.sockets[channel], message, buffers=buffers)
        msg_id = message["header"]["msg_id"]
        if parent is None:
            self.requests[msg_id] = message
        return msg_id

    def send_frames(self, frames: Sequence[bytes], *, channel: str = "shell") -> None:
        """Sends frames as they are, right or wrong."""
        self.sockets[channel].send_multipart(list(frames))

    def signed_frames(self, header: object, content: object) -> list[bytes]:
        """A message whose signature is right, whatever its dicts hold."""
        parts = [json.dumps(part).encode() for part in (header, {}, {}, content)]
        return [b"<IDS|MSG>", self.session.sign(parts), *parts]

    def send_execute(self, code: str, **content: Any) -> str:
        defaults = {
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        return self.send("execute_request", {"code": code, **defaults, **content})

    def is_idle(self, msg_id: str) -> bool:
        return any(m["msg_type"] == "status" and m["content"]["execution_state"] == "idle" for m in self.iopub[msg_id])

    def finish(self, msg_id: str, timeout: float = CELL_TIMEOUT_S) -> Conversation:
        """Waits for the end of a request and for anything that should not come after it."""
        request = self.requests[msg_id]
        replied = request["msg_type"] in _WITHOUT_REPLY

        def done() -> bool:
            return self.is_idle(msg_id) and (replied or bool(self.replies[msg_id]))

        self.wait_for(done, timeout, f"the end of {request['msg_type']} {_short(request['content'])}")
        settled = time.monotonic() + SETTLE_S
        while (remaining := settled - time.monotonic()) > 0:
            self.pump(remaining)
        conversation = Conversation(request, self.replies[msg_id], self.iopub[msg_id])
        conversation.assert_bracketed()
        return conversation

    def request(
        self,
        msg_type: str,
        content: Mapping[str, Any] | None = None,
        *,
        channel: str = "shell",
        timeout: float = CELL_TIMEOUT_S,
        **more: Any,
    ) -> Conversation:
        return self.finish(self.send(msg_type, content, channel=channel, **more), timeout)

    def execute(self, code: str, *, timeout: float = CELL_TIMEOUT_S, **content: Any) -> Conversation:
        return self.finish(self.send_execute(code, **content), timeout)

    def start_cell(
        self, code: str, *, seconds: float = CELL_TIMEOUT_S, marker: str | None = None, **content: Any
    ) -> str:
        """Sends a cell and returns once it runs: it has printed `marker`, or is busy where no marker is given."""
        msg_id = self.send_execute(code, **content)

        def running() -> bool:
            seen = Conversation(self.requests[msg_id], self.replies[msg_id], self.iopub[msg_id])
            return marker in seen.stream() if marker else bool(seen.of_type("execute_input"))

        self.wait_for(lambda: running() or self.is_idle(msg_id), seconds, f"{marker or 'execute_input'} of {code!r}")
        assert running(), f"the cell ended before it said {marker!r}:\n{self._pending()}"
        return msg_id

    def interrupt(self, timeout: float = 5) -> Conversation:
        return self.request("interrupt_request", channel="control", timeout=timeout)


def kernel_argv(name: str = KERNEL_NAME) -> list[str]:
    """How Jupyter starts this kernel, from its installed kernelspec."""
    argv = KernelSpecManager().get_kernel_spec(name).argv
    # ipykernel's kernelspec means the Python that runs Jupyter.
    return [sys.executable, *argv[1:]] if argv[0] == "python" else argv


def kernel_env(name: str = KERNEL_NAME) -> dict[str, str]:
    return KernelSpecManager().get_kernel_spec(name).env


def gone(process: psutil.Process) -> bool:
    """Whether a process has ended, also where nobody has collected its exit code yet."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def eventually(condition: Callable[[], object], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


def _reply_type(request_type: str) -> str:
    return request_type.removesuffix("_request") + "_reply"


def _short(content: object) -> str:
    text = json.dumps(content, default=str)
    return text if len(text) <= 600 else text[:600] + "…"
