"""JupyterLab as a person meets it: a server on a notebook folder of its own, and Debian's Chromium in front of it.

The page may talk to that server only. Any other address it asks for is refused and fails the test.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, Playwright, Route, expect

from harness import paths

TIMEOUT_MS = 60_000

T = TypeVar("T")

# Voilà's own page asks for an icon font outside; it is refused like any other, and the page does without.
_DISPENSABLE = ("stylesheet", "font")

# The prompt of a cell that has run; `[*]:` while it runs, `[ ]:` before.
_COUNTED = re.compile(r"^\[\d+\]:$")

# Documented for machines without a screen, a GPU or a user namespace; the rest keeps Chromium from calling home.
_CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """The browser of the system. Playwright's own download is never used."""
    named = os.environ.get("FLOWDECK_CHROMIUM")
    for name in [named] if named else ["chromium", "chromium-browser", "google-chrome"]:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError(
        "no Chromium found; `make test-python` installs it on Debian, FLOWDECK_CHROMIUM names another"
    )


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=chromium(), args=_CHROMIUM_ARGUMENTS)


expect.set_options(timeout=TIMEOUT_MS)


class Server:
    """A server for notebooks on a temporary folder, with a port of its own."""

    def __init__(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str] | None = None,
        notebooks: Mapping[str, Mapping[str, object]] | None = None,
        python: str | Path = sys.executable,
    ) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="flowdeck-lab-"))
        for name, notebook in (notebooks or {}).items():
            self.add_notebook(name, notebook)
        self._log_path = self.root.with_suffix(".log")
        self._log = self._log_path.open("wb")
        self.port = _free_port()
        self._process = subprocess.Popen(
            [python, "-m", *(part.format(port=self.port, root=self.root) for part in arguments)],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, **(env or {})},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The server ends its kernels on SIGTERM.
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        shutil.rmtree(self.root, ignore_errors=True)
        self._log_path.unlink(missing_ok=True)

    def log(self) -> str:
        return self._log_path.read_text(errors="replace")

    def add_notebook(self, name: str, notebook: Mapping[str, object]) -> None:
        (self.root / name).write_text(json.dumps(notebook))

    def _wait_for(self, found: Callable[[], T | None]) -> T:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            if (what := found()) is not None:
                return what
            time.sleep(0.1)
        self._process.kill()
        raise AssertionError(f"the server did not start:\n{self.log()[-4000:]}")


class JupyterLab(Server):
    """`jupyter lab`, with a token."""

    def __init__(self, *options: str, env: Mapping[str, str] | None = None) -> None:
        arguments = [
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port={port}",
            # Another program may take that port before the server does: then the server takes another one.
            "--ServerApp.port_retries=50",
            "--ServerApp.root_dir={root}",
            # Nothing is fetched from outside: no check for updates, no list of extensions.
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.extension_manager=readonly",
            # The tests reach JupyterLab's commands (change theme, save) without hunting through menus.
            "--LabApp.expose_app_in_browser=True",
            *options,
        ]
        super().__init__(arguments, env)
        self.url, self.token = self._wait_for(self._address)

    def _address(self) -> tuple[str, str] | None:
        info_file = Path(os.environ["JUPYTER_RUNTIME_DIR"]) / f"jpserver-{self._process.pid}.json"
        if not info_file.is_file() or not (text := info_file.read_text()):
            return None
        info = json.loads(text)
        return (info["url"], info["token"]) if _listens(info["port"]) else None


class Voila(Server):
    """`voila` on the folder, as an operator starts it for people who do not program."""

    is_progressive = False

    def __init__(
        self,
        *options: str,
        notebooks: Mapping[str, Mapping[str, object]],
        env: Mapping[str, str] | None = None,
        python: str | Path = sys.executable,
    ) -> None:
        arguments = ["voila", "--no-browser", "--Voila.ip=127.0.0.1", "--port={port}", *options, "{root}"]
        # Kernels that are started ahead of visitors need the notebooks from the beginning.
        super().__init__(arguments, env, notebooks, python)
        self._wait_for(lambda: True if _listens(self.port) else None)
        self.url = f"http://127.0.0.1:{self.port}/"


class Visitor:
    """A page in the browser which may talk to this machine only."""

    def __init__(self, browser: Browser, server: Server, name: str, zone: str | None = None) -> None:
        """`zone` is that of the browser's clock, otherwise this machine's."""
        self._server = server
        self._name = name.removesuffix(".ipynb")
        self.refused: list[str] = []
        self._context = browser.new_context(viewport={"width": 1280, "height": 1000}, timezone_id=zone)
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(TIMEOUT_MS)
        self._context.route("**/*", self._loopback_only)
        self.console: list[str] = []
        self.page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.screenshot(f"failed-{self._name}")
            log = self._server.log()[-3000:]
            print("\n".join(["console of the page:", *self.console[-20:], "log of the server:", log]))
        self._context.close()
        if kind is None:
            assert not self.refused, f"the page asked for addresses outside this machine: {self.refused}"

    def heap_bytes(self) -> int:
        """Memory that the page's JavaScript holds, without what is only waiting to be collected."""
        session = self._context.new_cdp_session(self.page)
        session.send("HeapProfiler.collectGarbage")
        used = session.send("Runtime.getHeapUsage")["usedSize"]
        session.detach()
        return int(used)

    def _loopback_only(self, route: Route) -> None:
        target = urlsplit(route.request.url)
        if target.scheme in ("data", "blob") or target.hostname in ("127.0.0.1", "localhost", "::1"):
            route.continue_()
        else:
            if route.request.resource_type not in _DISPENSABLE:
                self.refused.append(route.request.url)
            route.abort()

    def allow_clipboard(self) -> None:
        self._context.grant_permissions(["clipboard-read", "clipboard-write"])

    def clipboard(self) -> str:
        return self.page.evaluate("navigator.clipboard.readText()")

    def screenshot(self, name: str, keep_pointer: bool = False) -> Path:
        """Keeps what is on the screen in test-artifacts/."""
        paths.ARTIFACTS.mkdir(exist_ok=True)
        path = paths.ARTIFACTS / f"{name}.png"
        # The pointer leaves no hover colour and no toolbar over the cells.
        if not keep_pointer:
            self.page.mouse.move(0, 0)
        self.page.screenshot(path=path)
        return path


class VoilaPage(Visitor):
    """One notebook as Voilà shows it."""

    def __init__(self, browser: Browser, voila: Voila, name: str, zone: str | None = None) -> None:
        super().__init__(browser, voila, name, zone)
        self._address = f"{voila.url}voila/render/{name}"
        self.reload()

    def reload(self) -> None:
        # The page arrives while the notebook runs, and is loaded when that has ended.
        self.page.goto(self._address, wait_until="commit")

    def button(self, label: str) -> Locator:
        return self.page.locator("button.widget-button", has_text=label)

    def field(self, label: str) -> Locator:
        row = self.page.locator(".widget-inline-hbox", has=self.page.locator(".widget-label", has_text=label))
        return row.locator("input")


class NotebookPage(Visitor):
    """One notebook open in JupyterLab, and what a person does with it."""

    def __init__(self, browser: Browser, lab: JupyterLab, name: str) -> None:
        super().__init__(browser, lab, name)
        self._address = f"{lab.url}lab/tree/{name}?reset&token={lab.token}"
        self.page.goto(self._address)
        self._wait_until_ready()

    def _wait_until_ready(self, state: str = "idle") -> None:
        self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell").first.wait_for()
        # A Shift+Enter before the kernel is connected is lost, and the indicator says idle before that too.
        self.page.wait_for_function(
            "state => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === state", arg=state
        )

    def cell(self, index: int) -> Locator:
        return self.page.locator(f".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell[data-windowed-list-index='{index}']")

    def output(self, index: int) -> Locator:
        return self.cell(index).locator(".jp-Cell-outputArea")

    def error(self, index: int) -> Locator:
        """The error messages among a cell's outputs; older JupyterLabs draw them as stderr."""
        return self.output(index).locator(
            "[data-mime-type='application/vnd.jupyter.error'], [data-mime-type='application/vnd.jupyter.stderr']"
        )

    def prompt(self, index: int) -> Locator:
        return self.cell(index).locator(".jp-InputPrompt")

    def start(self, index: int) -> None:
        """Shift+Enter in a cell."""
        self.cell(index).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")

    def run(self, index: int, timeout: float = TIMEOUT_MS) -> None:
        """Shift+Enter in a cell that has not run yet, then waits until its prompt has a number."""
        expect(self.prompt(index)).to_have_text("[ ]:")
        self.start(index)
        expect(self.prompt(index)).to_have_text(_COUNTED, timeout=timeout)

    def press_stop(self) -> None:
        self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Toolbar-item[data-jp-item-name=interrupt]").click()

    def save(self) -> None:
        self.page.keyboard.press("Control+S")
        self.page.wait_for_function("window.jupyterapp.shell.currentWidget.context.model.dirty === false")

    def reload(self, state: str = "idle") -> None:
        """The browser's reload: same notebook, same kernel, which then is idle or busy."""
        self.page.goto(self._address)
        self._wait_until_ready(state)

    def type_cell(self, index: int, code: str) -> None:
        """Replaces a cell's text by typing, as a person does; completion and closing brackets may interfere."""
        self.cell(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(code)

    def command(self, name: str, arguments: Mapping[str, object] | None = None) -> None:
        self.page.evaluate(
            "([name, args]) => window.jupyterapp.commands.execute(name, args)", [name, dict(arguments or {})]
        )

    def dark(self) -> None:
        self.command("apputils:change-theme", {"theme": "JupyterLab Dark"})
        self.page.locator("body[data-jp-theme-light=false]").wait_for(state="attached")
        # The change hides behind a splash screen that fades out.
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")


def notebook(kernel: str, *cells: str) -> dict[str, object]:
    """A notebook as it lies on disk: code cells only, saved without outputs."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": kernel, "display_name": kernel, "language": "rust"}},
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{index}",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": source,
            }
            for index, source in enumerate(cells)
        ],
    }


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
