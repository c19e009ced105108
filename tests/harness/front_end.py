"""What a widget front end knows: the models that the kernel opened, kept up to date from its messages."""

import time
from collections.abc import Callable
from typing import Any

from harness.kernel import Kernel

VIEW = "application/vnd.jupyter.widget-view+json"
PROTOCOL = "2.1.0"


class FrontEnd:
    """A page with widgets, as the messages of one kernel make it."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.models: dict[str, dict[str, Any]] = {}
        self.buffers: dict[str, dict[str, bytes]] = {}
        self.messages: list[dict[str, Any]] = []
        self.opened: list[str] = []
        self._seen: set[str] = set()

    def look(self) -> None:
        """Takes in what has arrived."""
        self.kernel.pump(0.01)
        arrived = [
            message
            for messages in list(self.kernel.iopub.values())
            for message in messages
            if message["header"]["msg_id"] not in self._seen
        ]
        for message in sorted(arrived, key=lambda message: message["received"]):
            self._seen.add(message["header"]["msg_id"])
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        if not kind.startswith("comm_"):
            return
        self.messages.append(message)
        comm, data = content["comm_id"], content["data"]
        if kind == "comm_open":
            assert content["target_name"] == "jupyter.widget" and message["metadata"]["version"] == PROTOCOL
            self.opened.append(comm)
            self.models[comm] = {}
        elif kind == "comm_close":
            self.models.pop(comm, None)
            return
        if kind == "comm_open" or data.get("method") == "update":
            for name, value in data["state"].items():
                for reference in _references(value):
                    assert reference in self.models, f"{name} of {comm} refers to a model that is not there yet"
            self.models[comm].update(data["state"])
            for path, buffer in zip(data["buffer_paths"], message["buffers"], strict=True):
                self.buffers.setdefault(comm, {})[str(path[0])] = bytes(buffer)

    def until(self, done: Callable[[], Any], what: str, timeout: float = 30) -> Any:
        """Looks until `done` gives something."""
        deadline = time.monotonic() + timeout
        while True:
            self.look()
            if found := done():
                return found
            assert time.monotonic() < deadline, f"waited in vain for {what}; log:\n{self.kernel.log()[-3000:]}"

    def find(self, model_name: str, **state: Any) -> str:
        """The one live model of this name with this state."""
        self.look()
        found = [
            comm
            for comm, model in self.models.items()
            if model["_model_name"] == model_name and all(model.get(name) == value for name, value in state.items())
        ]
        assert len(found) == 1, f"{len(found)} models {model_name} with {state}"
        return found[0]

    def send(self, comm: str, data: dict[str, Any], buffers: list[bytes] | None = None) -> str:
        return self.kernel.send("comm_msg", {"comm_id": comm, "data": data}, buffers=buffers)

    def change(self, comm: str, **state: Any) -> str:
        """What a person's change of a widget sends."""
        self.models[comm].update(state)
        return self.send(comm, {"method": "update", "state": state, "buffer_paths": []})

    def click(self, comm: str) -> str:
        return self.send(comm, {"method": "custom", "content": {"event": "click"}})

    def value(self, comm: str, name: str = "value") -> Any:
        self.look()
        return self.models[comm][name]


def _references(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value.removeprefix("IPY_MODEL_")] if value.startswith("IPY_MODEL_") else []
    if isinstance(value, list):
        return [reference for item in value for reference in _references(item)]
    return []
