"""Questions to the kernel's analyser of Rust: completion and help, and the process that answers them."""

from typing import Any

import psutil
from harness.kernel import Kernel, eventually

ANSWER_S = 60
# The standard library is read before the first answer, slowly by a development build on a busy machine.
START_S = 180


def await_analyser(kernel: Kernel) -> None:
    """Asks until there is an answer, as a person who goes on typing: one that is still starting has none."""
    assert eventually(lambda: "BTreeMap" in names(complete(kernel, "std::collections::BTreeM")), START_S)


def complete(kernel: Kernel, code: str, cursor: int | None = None) -> dict[str, Any]:
    content = {"code": code, "cursor_pos": len(code) if cursor is None else cursor}
    reply = kernel.request("complete_request", content, timeout=ANSWER_S).content
    assert reply["status"] == "ok"
    return reply


def inspect(kernel: Kernel, code: str, cursor: int | None = None) -> dict[str, Any]:
    content = {"code": code, "cursor_pos": len(code) if cursor is None else cursor, "detail_level": 0}
    reply = kernel.request("inspect_request", content, timeout=ANSWER_S).content
    assert reply["status"] == "ok"
    assert reply["found"] == bool(reply["data"])
    return reply


def names(reply: dict[str, Any]) -> list[str]:
    """What is offered, without parentheses and arguments."""
    return [match.split("(")[0] for match in reply["matches"]]


def analyser(kernel: Kernel) -> psutil.Process:
    """The process that completes; there is one, and it is no cell's."""
    alive = [child for child in kernel.children() if child.status() != psutil.STATUS_ZOMBIE]
    (process,) = (child for child in alive if "analyse" in child.cmdline())
    return process
