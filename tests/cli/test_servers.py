"""Sources at servers from the command line and the configuration: what is listed, tested and asked, and how faults read.

The server is one of the tests' own; real ones are asked in kernel/engine/tests/integration/servers.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import paths

FLOWDECK = paths.TARGET / "debug" / "flowdeck"
SERVER = Path(__file__).parents[2] / "kernel/engine/tests/servers/opensearch_server.py"
PLANTED = "s3cr3t-of-a-test"
MAPPING = {
    "properties": {
        "@timestamp": {"type": "date"},
        "source": {"properties": {"ip": {"type": "ip"}, "bytes": {"type": "long"}}},
        "destination": {"properties": {"ip": {"type": "ip"}, "port": {"type": "long"}}},
    }
}
DOCUMENT = {"@timestamp": "2024-02-05T10:00:00Z", "source.ip": "10.0.0.1", "destination.ip": "192.0.2.1", "destination.port": 443}


@pytest.fixture
def port(tmp_path):
    (tmp_path / "mapping.json").write_text(json.dumps(MAPPING))
    (tmp_path / "documents.json").write_text("\n".join(json.dumps({**DOCUMENT, "source.bytes": size}) for size in (7, 8)))
    files = [tmp_path / "mapping.json", tmp_path / "documents.json"]
    command = [sys.executable, "-B", SERVER, "opensearch", *files]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield int(server.stdout.readline())
        server.stdin.close()


def flowdeck(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess:
    variables = {**os.environ, "FLOWDECK_CONFIG": str(folder / "flowdeck.toml"), "SIEM_PASSWORD": PLANTED, **more}
    ran = subprocess.run([FLOWDECK, *arguments], capture_output=True, text=True, timeout=120, cwd=folder, env=variables)
    assert PLANTED not in ran.stdout + ran.stderr
    return ran


def configured(folder: Path, port: int, index: str = "flows", more: str = "") -> None:
    (folder / "flowdeck.toml").write_text(
        f'[sources.siem]\nconnector = "opensearch"\nlocation = "http://127.0.0.1:{port}"\nindex = "{index}"\n'
        f'user = "reader"\n{more}\n[sources.siem.secrets]\npassword = {{ env = "SIEM_PASSWORD" }}\n'
    )


def test_a_server_is_listed_tested_and_asked(tmp_path, port) -> None:
    configured(tmp_path, port, more='table = "odd"')
    listed = flowdeck(tmp_path, "sources")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    line = next(line for line in listed.stdout.splitlines() if line.startswith("siem"))
    assert line.split()[1:] == ["ready", "OpenSearch", "index", "–", "–", "–", "–"]
    assert "`table` has no effect" in listed.stdout
    one = flowdeck(tmp_path, "sources", "siem", "--test").stdout
    for part in ("an OpenSearch index; each query asks it", "index", "reader", "always filled", "dst_port"):
        assert part in one
    assert "2024-02-05 10:00:00" in one and "password: there" in one
    asked = flowdeck(tmp_path, "sql", "SELECT sum(bytes) AS b FROM siem WHERE src_ip = '10.0.0.0/8'", "--format", "csv")
    assert asked.stdout.split() == ["b", "15"], asked.stdout + asked.stderr


@pytest.mark.parametrize(
    ("index", "more", "variables", "said"),
    [
        ("flow", "", {}, ["no index `flow`", "`flows`"]),
        ("flows", "", {"SIEM_PASSWORD": "wrong"}, ["does not accept the login", "`secrets`"]),
        ("flows", "columns = { bytes = \"source.byte\" }", {}, ["`source.byte`", "`source.bytes`"]),
        ("flows", "indx = \"flows\"", {}, ["indx", "did you mean `index`?"]),
    ],
)
def test_faults_say_what_to_do(tmp_path, port, index, more, variables, said) -> None:
    configured(tmp_path, port, index, more)
    listed = flowdeck(tmp_path, "sources", **variables)
    assert listed.returncode == 1
    for part in said:
        assert part in listed.stdout + listed.stderr
    asked = flowdeck(tmp_path, "sql", "SELECT * FROM siem", **variables)
    assert asked.returncode != 0 and said[0] in asked.stdout + asked.stderr
