"""Sources in the network: a kernel starts without asking for them, and a server that was down is asked by the next query."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness.kernel import Kernel, eventually

SEARCH_SERVER = Path(__file__).parents[2] / "kernel/engine/tests/servers/opensearch_server.py"
CSV = "start_time,src_ip,dst_ip,bytes\n2024-01-01T00:00:00Z,10.0.0.1,192.0.2.1,7\n"
MAPPING = {"properties": {"@timestamp": {"type": "date"}, "source": {"properties": {"bytes": {"type": "long"}}}}}
# Small against the half minute after which a server is given up.
PROMPT_S = 5
# What the search server lets in.
PASSWORD = "s3cr3t-of-a-test"
QUERY = "%%sql\nSELECT bytes FROM {}"


class Silent:
    """Takes connections, counts them, and never answers."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self.taken.append(self.socket.accept()[0])
            except OSError:
                return


@contextmanager
def web(folder: Path, port: int = 0) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", port), partial(SimpleHTTPRequestHandler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def configured(folder: Path, ports: dict[str, int]) -> dict[str, str]:
    (folder / "here.csv").write_text(CSV)
    (folder / "flowdeck.toml").write_text(
        f'[sources.here]\nlocation = "here.csv"\n'
        f'[sources.files]\nlocation = "http://127.0.0.1:{ports["files"]}/flows.csv"\n'
        f'[sources.siem]\nconnector = "opensearch"\nlocation = "http://127.0.0.1:{ports["siem"]}"\nindex = "flows"\n'
        '[sources.siem.secrets]\ntoken = { file = "siem.key" }\n'
    )
    return {"FLOWDECK_CONFIG": str(folder / "flowdeck.toml")}


def state(kernel: Kernel, name: str) -> str:
    listed = kernel.execute("%sources").stream()
    return next(line.split()[1] for line in listed.splitlines() if line.startswith(name))


def test_a_kernel_asks_no_server_before_a_query_does(new_kernel: Callable[..., Kernel], tmp_path) -> None:
    silent = Silent()
    kernel = new_kernel(env=configured(tmp_path, {"files": silent.port, "siem": silent.port}))
    assert kernel.execute(QUERY.format("here")).status == "ok"
    assert state(kernel, "files") == state(kernel, "siem") == "unopened"
    assert "files" in kernel.execute("%%sql\nSHOW TABLES").text
    assert not silent.taken

    (tmp_path / "siem.key").write_text(PASSWORD)
    (tmp_path / "siem.key").chmod(0o600)
    for name in ("files", "siem"):
        before = len(silent.taken)
        cell = kernel.start_cell(QUERY.format(name))
        assert eventually(lambda before=before: len(silent.taken) > before, PROMPT_S)
        assert kernel.interrupt().status == "ok"
        stopped = kernel.finish(cell, PROMPT_S)
        assert stopped.status == "error" and "interrupted" in stopped.error_text.lower(), stopped.error_text
        assert state(kernel, name) == "unopened", "what was stopped has not failed"
    silent.socket.close()


def test_a_server_that_comes_back_is_found_by_the_next_query(new_kernel: Callable[..., Kernel], tmp_path) -> None:
    closed = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = dict(zip(("files", "siem"), (one.getsockname()[1] for one in closed), strict=True))
    [one.close() for one in closed]
    kernel = new_kernel(env=configured(tmp_path, ports))
    siem = kernel.execute(QUERY.format("siem"))
    assert siem.status == "error" and "siem.key" in siem.error_text
    (tmp_path / "siem.key").write_text(PASSWORD)
    (tmp_path / "siem.key").chmod(0o600)
    for name in ports:
        down = kernel.execute(QUERY.format(name))
        assert down.status == "error" and f"the source `{name}` could not be opened" in down.error_text
        assert "the next query tries again" in down.error_text
        assert state(kernel, name) == "broken"

    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "flows.csv").write_text(CSV)
    (tmp_path / "mapping.json").write_text(json.dumps(MAPPING))
    (tmp_path / "documents.json").write_text(json.dumps({"@timestamp": "2024-02-05T10:00:00Z", "source.bytes": 8}))
    files = [tmp_path / "mapping.json", tmp_path / "documents.json"]
    command = [sys.executable, "-B", SEARCH_SERVER, "opensearch", *files, str(ports["siem"])]
    with web(tmp_path / "www", ports["files"]), subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        assert "columns" in kernel.execute("%sources files").stream(), "what is asked about one source opens it"
        for name, expected in (("files", "7"), ("siem", "8")):
            found = kernel.execute(QUERY.format(name))
            assert found.status == "ok" and expected in found.text, found
            assert state(kernel, name) == "ready"
        server.stdin.close()


def test_completions_open_what_the_query_names(new_kernel: Callable[..., Kernel], tmp_path) -> None:
    (tmp_path / "flows.csv").write_text(CSV)
    with web(tmp_path) as port:
        kernel = new_kernel(env=configured(tmp_path, {"files": port, "siem": port}))
        code = "%%sql\nSELECT src_ FROM files"
        offered = kernel.request("complete_request", {"code": code, "cursor_pos": code.index("src_") + 4}).content
        assert "src_ip" in offered["matches"]
        assert state(kernel, "files") == "ready"
