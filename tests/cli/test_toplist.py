"""`flowdeck toplist`: what lists there are, and newer ones by one command."""

import gzip
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness import paths

FLOWDECK = paths.TARGET / "debug" / "flowdeck"


def flowdeck(config: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "FLOWDECK_CONFIG": str(config)}
    return subprocess.run([FLOWDECK, *arguments], capture_output=True, text=True, timeout=120, env=environment)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_lists_are_fetched_and_used(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "top.csv.gz").write_bytes(gzip.compress(b"1,example.com\r\n2,gvt2.com\r\n"))
    (tmp_path / "names.txt").write_text("# names\nbeacons.gcp.gvt2.com\n")
    config = tmp_path / "flowdeck.toml"
    with served(mirror) as address:
        config.write_text(
            f"[toplist.domains]\nfile = 'lists/domains.csv'\nsource = '{address}/top.csv.gz?token=s3cr3t'\n"
            "[toplist.names]\nfile = 'lists/names.csv'\nsource = 'names.txt'\n"
        )
        before = flowdeck(config, "toplist", "status")
        assert before.returncode == 1 and "cannot be used" in before.stderr and "flowdeck toplist update" in before.stderr
        updated = flowdeck(config, "toplist", "update")
        assert updated.returncode == 0, updated.stderr
        assert "domains.csv, 2 names" in updated.stderr and "names.csv, 1 names" in updated.stderr
        assert "s3cr3t" not in updated.stderr + before.stderr
        query = "SELECT toplist_rank('gvt2.com') AS domain, toplist_rank('beacons.gcp.gvt2.com', 'names') AS name"
        assert flowdeck(config, "sql", query, "--format", "csv").stdout == "domain,name\n2,1\n"
        # What comes next is no list: the old one stays.
        (mirror / "top.csv.gz").write_text("<html>\n<body>moved</body>\n</html>\n")
        failed = flowdeck(config, "toplist", "update", "domains")
        assert failed.returncode == 1 and "no top list" in failed.stderr and "as they were" in failed.stderr
        (mirror / "top.csv.gz").unlink()
        failed = flowdeck(config, "toplist", "update", "domains")
        assert failed.returncode == 1 and "status 404" in failed.stderr
    status = flowdeck(config, "toplist", "status")
    assert status.returncode == 0 and "domains.csv, 2 names" in status.stderr
    assert "updated from http://127.0.0.1" in status.stderr and "s3cr3t" not in status.stderr


def test_what_is_not_configured_says_how(tmp_path: Path) -> None:
    config = tmp_path / "flowdeck.toml"
    config.write_text("")
    ended = flowdeck(config, "toplist", "update")
    assert ended.returncode == 1 and "[toplist.domains]" in ended.stderr
    ended = flowdeck(config, "sql", "SELECT toplist_rank('example.com')")
    assert ended.returncode == 1 and "hint: Name the list in flowdeck.toml" in ended.stderr
