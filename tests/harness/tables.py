"""What the page of a table does: asks the kernel for places of a result, for other orders, for files."""

import itertools
import struct
from typing import Any

from harness.front_end import FrontEnd

MODEL = "AnyModel"


class Refused(Exception):
    """The kernel's reason for not answering."""


class TablePage:
    """One page that shows the table whose model is `comm`."""

    def __init__(self, page: FrontEnd, comm: str, client: str = "1-2") -> None:
        self.page = page
        self.comm = comm
        self.client = client
        self._numbers = itertools.count(1)

    @property
    def view(self) -> dict[str, Any]:
        return self.page.value(self.comm, "_view")

    @property
    def columns(self) -> list[dict[str, Any]]:
        return self.page.value(self.comm, "_columns")

    def start(self, what: Any) -> int:
        """Sends a request; gives its number."""
        number = next(self._numbers)
        content = {"client": self.client, "request": number, "do": what}
        self.page.send(self.comm, {"method": "custom", "content": content})
        return number

    def answer(self, number: int, timeout: float = 60) -> tuple[dict[str, Any], list[bytes]]:
        """Waits for the answer to a request: what it says, and its buffers."""
        message = self.page.until(lambda: self.find(number), f"the answer to request {number}", timeout)
        content = message["content"]["data"]["content"]
        if "refused" in content:
            raise Refused(f"{content['refused']} {content['hint'] or ''}")
        return content["answer"], [bytes(buffer) for buffer in message["buffers"]]

    def find(self, number: int) -> dict[str, Any] | None:
        for message in self.page.messages:
            data = message["content"]["data"]
            if message["content"]["comm_id"] != self.comm or data.get("method") != "custom":
                continue
            if data["content"]["client"] == self.client and data["content"]["request"] == number:
                return message
        return None

    def ask(self, what: Any, timeout: float = 60) -> tuple[dict[str, Any], list[bytes]]:
        return self.answer(self.start(what), timeout)

    def look(self, timeout: float = 60, **request: Any) -> int:
        """Another order or choice of rows; gives how many are seen."""
        self.ask({"view": request}, timeout)
        return self.view["count"]

    def rows(self, start: int, count: int, columns: list[int] | None = None) -> list[list[str | None]]:
        """Some rows as they are shown."""
        chosen = list(range(len(self.columns))) if columns is None else columns
        page = {"start": start, "count": count, "columns": chosen}
        answer, buffers = self.ask({"page": {"view": self.view["version"], "page": page}})
        assert not answer.get("stale"), answer
        return transposed([column(buffer, answer["count"]) for buffer in buffers])

    def first_rows(self) -> list[list[str | None]]:
        """The rows that came with the table itself."""
        count = self.page.value(self.comm, "_first")["count"]
        opened = next(m for m in self.page.messages if m["msg_type"] == "comm_open" and m["content"]["comm_id"] == self.comm)
        return transposed([column(bytes(buffer), count) for buffer in opened["buffers"]])

    def download(self, **request: Any) -> tuple[str, bytes]:
        """A file as the browser gets it: its name and content."""
        columns = list(range(len(self.columns)))
        order = {"view": self.view["version"], "scope": "seen", "destination": "download", "columns": columns, **request}
        offer, _ = self.ask({"export": order})
        parts = [self.ask({"part": {"download": offer["download"], "part": part}})[1][0] for part in range(offer["parts"])]
        self.ask({"forget": {"download": offer["download"]}})
        return offer["name"], b"".join(parts)


def tables(page: FrontEnd) -> list[str]:
    """The tables that are open, in the order in which they were opened."""
    page.look()
    return [comm for comm in page.opened if "_view" in page.models.get(comm, {})]


def column(buffer: bytes, count: int) -> list[str | None]:
    """The values of one column of a page: n + 1 ends of texts, n flags, then the texts."""
    ends = struct.unpack_from(f"<{count + 1}I", buffer)
    flags = buffer[4 * (count + 1) : 5 * count + 4]
    texts = buffer[5 * count + 4 :]
    assert len(texts) == ends[-1], "nothing is left over"
    return [None if flags[row] == 1 else texts[ends[row] : ends[row + 1]].decode() for row in range(count)]


def transposed(columns: list[list[str | None]]) -> list[list[str | None]]:
    return [list(row) for row in zip(*columns, strict=True)]
