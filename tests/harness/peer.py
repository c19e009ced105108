"""Another front end of the same kernel: its own sockets and identity, nothing kept but what it is asked for."""

import time
from collections.abc import Mapping
from typing import Any

import zmq
from harness.kernel import Kernel, Message
from jupyter_client.session import Session


class Peer:
    """DEALER sockets to a kernel under a routing identity that can be used again. Ends with the `with` block."""

    def __init__(self, kernel: Kernel, identity: bytes, channels: tuple[str, ...] = ("shell",)) -> None:
        self.session = Session(key=kernel.session.key, signature_scheme=kernel.session.signature_scheme)
        self._sockets = {channel: self._connected(kernel, channel, identity) for channel in channels}

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        for socket in self._sockets.values():
            socket.close(linger=0)

    def _connected(self, kernel: Kernel, channel: str, identity: bytes) -> "zmq.Socket[bytes]":
        socket = kernel.context.socket(zmq.DEALER)
        socket.linger = 0
        socket.identity = identity
        socket.connect(kernel.address(channel))
        return socket

    def send(
        self,
        msg_type: str,
        content: Mapping[str, Any] | None = None,
        *,
        channel: str = "shell",
        parent: Message | None = None,
    ) -> str:
        """Sends a message and returns its id, waiting for nothing."""
        message = self.session.msg(msg_type, dict(content or {}), parent=parent)
        self.session.send(self._sockets[channel], message)
        return message["header"]["msg_id"]

    def receive(self, timeout: float, channel: str = "shell") -> Message | None:
        """The next message of a channel, or none within `timeout` seconds."""
        socket = self._sockets[channel]
        if not socket.poll(int(timeout * 1000)):
            return None
        _, frames = self.session.feed_identities(socket.recv_multipart())
        return self.session.deserialize(frames)

    def reply_to(self, msg_id: str, timeout: float, channel: str = "shell") -> Message:
        """The reply to a request; what else comes meanwhile is passed over."""
        deadline = time.monotonic() + timeout
        while (remaining := deadline - time.monotonic()) > 0:
            message = self.receive(remaining, channel)
            if message and message["parent_header"].get("msg_id") == msg_id:
                return message
        raise AssertionError(f"no reply in {timeout} s")

    def request(self, msg_type: str, content: Mapping[str, Any] | None = None, timeout: float = 10) -> Message:
        return self.reply_to(self.send(msg_type, content), timeout)
