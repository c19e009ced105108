"""Comm messages one by one, as a front end sends them, with all that the kernel answers to each."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from harness.kernel import Conversation, Kernel, Message

WIDGET_TARGET = "jupyter.widget"
CONTROL_TARGET = "jupyter.widget.control"
WIDGET_VERSION = {"version": "2.1.0"}
CONTROL_VERSION = {"version": "1.0.0"}


def names(model: str) -> dict[str, str]:
    """What a front end names when it opens one of the controls."""
    view = model.removesuffix("Model") + "View"
    module, version = "@jupyter-widgets/controls", "2.0.0"
    return {
        "_model_module": module,
        "_model_module_version": version,
        "_model_name": model,
        "_view_module": module,
        "_view_module_version": version,
        "_view_name": view,
    }


class Comms:
    """The comms of one kernel, seen from a front end. Every conversation is bracketed by one busy and one idle."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def ask(self, msg_type: str, content: Mapping[str, Any], **more: Any) -> Conversation:
        """Sends a message and waits until the next one has been answered.

        The kernel answers in order, so nothing that belongs to the first is still on its way: that is as certain as
        waiting for a while, and takes no time.
        """
        msg_id = self.kernel.send(msg_type, content, **more)
        fence = self.kernel.send("comm_info_request", {"target_name": "none"})
        self.kernel.wait_for(lambda: self.kernel.replies[fence] and self.kernel.is_idle(fence), 60, msg_type)
        replies, iopub = self.kernel.replies[msg_id], self.kernel.iopub[msg_id]
        conversation = Conversation(self.kernel.requests[msg_id], replies, iopub)
        conversation.assert_bracketed()
        return conversation

    def open_raw(self, content: Mapping[str, Any], metadata: Mapping[str, Any] = WIDGET_VERSION) -> Conversation:
        return self.ask("comm_open", content, metadata=metadata)

    def open(self, model: str, **state: Any) -> str:
        """Opens a model of the controls, as a front end may; gives its id."""
        comm = uuid.uuid4().hex
        data = {"state": {**names(model), **state}, "buffer_paths": []}
        opened = self.open_raw({"comm_id": comm, "target_name": WIDGET_TARGET, "data": data})
        assert not opened.of_type("comm_close"), opened
        return comm

    def open_control(self) -> str:
        comm = uuid.uuid4().hex
        opened = self.open_raw({"comm_id": comm, "target_name": CONTROL_TARGET, "data": {}}, CONTROL_VERSION)
        assert opened.outputs == [], opened
        return comm

    def send(self, comm: str, data: object, buffers: Sequence[bytes] | None = None) -> Conversation:
        return self.ask("comm_msg", {"comm_id": comm, "data": data}, buffers=buffers)

    def update(
        self, comm: str, state: object, paths: Sequence[list[Any]] = (), buffers: Sequence[bytes] = ()
    ) -> Conversation:
        data = {"method": "update", "state": state, "buffer_paths": list(paths)}
        return self.send(comm, data, list(buffers))

    def close(self, comm: str) -> Conversation:
        return self.ask("comm_close", {"comm_id": comm, "data": {}})

    def info(self, **content: Any) -> dict[str, Any]:
        reply = self.ask("comm_info_request", content)
        assert reply.status == "ok", reply
        return reply.content["comms"]

    def state(self, comm: str) -> tuple[dict[str, Any], dict[str, bytes]]:
        """What the kernel has of a model: its state, and its buffers by their path."""
        answer = only(self.send(comm, {"method": "request_state"}))
        assert method(answer) == "update", answer["content"]
        return answer["content"]["data"]["state"], buffers_of(answer)

    def values(self, comm: str) -> dict[str, Any]:
        return self.state(comm)[0]

    def states(self) -> Message:
        """The answer that a page gets which asks for all models."""
        control = self.open_control()
        answer = only(self.send(control, {"method": "request_states"}))
        assert answer["content"]["comm_id"] == control
        assert self.close(control).outputs == []
        return answer


def only(conversation: Conversation) -> Message:
    """The one message that came."""
    assert conversation.types == ["comm_msg"], conversation
    return conversation.outputs[0]


def method(message: Message) -> str:
    return message["content"]["data"]["method"]


def told(conversation: Conversation) -> list[tuple[str, dict[str, Any]]]:
    """Method and state of each comm_msg, in order."""
    messages = conversation.of_type("comm_msg")
    return [(method(message), message["content"]["data"]["state"]) for message in messages]


def buffers_of(message: Message) -> dict[str, bytes]:
    """The buffers by their path, as JSON."""
    paths = message["content"]["data"]["buffer_paths"]
    pairs = zip(paths, message["buffers"], strict=True)
    return {json.dumps(path): bytes(buffer) for path, buffer in pairs}
