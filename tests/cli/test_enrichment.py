"""Lookups at services: every outcome is told apart, quotas hold across processes, and what is secret or private stays here."""

import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import paths
from harness.services import ENVIRONMENT, KEYS, Services, services

FLOWDECK = paths.TARGET / "debug" / "flowdeck"

Row = dict[str, Any]


@pytest.fixture
def server() -> Iterator[Services]:
    with services() as running:
        yield running


class Desk:
    """`flowdeck sql` with the services of a server. Remembers all that it printed."""

    def __init__(self, folder: Path, server: Services, **more: str) -> None:
        self.folder, self.printed = folder, ""
        self.config = folder / "flowdeck.toml"
        self.config.write_text(server.config(**more))
        self.environment = {**os.environ, **ENVIRONMENT, "FLOWDECK_CONFIG": str(self.config)}

    def start(self, query: str) -> subprocess.Popen:
        arguments = [FLOWDECK, "sql", query, "--format", "json"]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment)

    def end(self, process: subprocess.Popen) -> list[Row]:
        out, err = process.communicate(timeout=120)
        self.printed += out + err
        assert process.returncode == 0, err
        return [json.loads(line) for line in out.splitlines()]

    def rows(self, query: str) -> list[Row]:
        return self.end(self.start(query))

    def fault(self, query: str) -> str:
        process = self.start(query)
        out, err = process.communicate(timeout=120)
        self.printed += out + err
        assert process.returncode == 1, out
        return err

    def look_up(self, function: str, *values: str, mode: str = "ask", parts: str = "") -> dict[str, Row]:
        return {row["value"]: row for row in self.rows(looking_up(function, *values, mode=mode, parts=parts))}


def looking_up(function: str, *values: str, mode: str = "ask", parts: str = "") -> str:
    rows = ", ".join(f"('{value}')" for value in values)
    wanted = "".join(f", a['{part}'] AS {part}" for part in parts.split())
    return (
        f"SELECT value, a['status'] AS status, a['reason'] AS reason, a['from_cache'] AS from_cache{wanted} "
        f"FROM (SELECT value, {function}(value, '{mode}') AS a FROM (VALUES {rows}) AS t(value))"
    )


def test_found_and_not_found_are_kept(tmp_path: Path, server: Services) -> None:
    desk = Desk(tmp_path, server)
    names = ("evil.example.com", "notfound.example.com", "EVIL.example.com.", "unscanned.example.com")
    for is_kept in (False, True):
        found = desk.look_up("virustotal_domain", *names, parts="malicious engines categories created reputation")
        assert [found[name]["status"] for name in names] == ["found", "not found", "found", "found"]
        assert {row["from_cache"] for row in found.values()} == {is_kept}
        evil = found["evil.example.com"]
        assert (evil["malicious"], evil["engines"], evil["categories"]) == (12, 66, "malware, phishing")
        assert evil["created"].startswith("2023-11-14T22:13:20") and evil["reputation"] == -40
        assert found["unscanned.example.com"].get("malicious") is None
    assert server.calls == {"evil.example.com": 1, "notfound.example.com": 1, "unscanned.example.com": 1}, "asked once each"


ERRORS = {
    "bad": "error: VirusTotal does not understand the request: Domain is not valid (InvalidArgumentError)",
    "early": "error: VirusTotal does not understand the request: Not available yet (NotAvailableYet)",
    "echo": "error: VirusTotal does not understand the request: unknown key [hidden] in the request (BadRequestError)",
    "inactive": "error: VirusTotal does not accept the key: User is not active (UserNotActiveError)",
    "forbidden": "error: VirusTotal does not allow this with the key: You are not authorized to perform the requested operation (ForbiddenError)",
    "conflict": "error: VirusTotal answered with status 409: Exists (AlreadyExistsError)",
    "dependency": "error: VirusTotal answered with status 424: Failed (FailedDependencyError)",
    "quota": "not asked: quota: VirusTotal says it was asked too often; again after ",
    "busy": "not asked: quota: VirusTotal says it was asked too often; again after ",
    "transient": "error: VirusTotal is not available now (status 503): Transient server error (TransientError)",
    "deadline": "error: VirusTotal is not available now (status 504): Took too long (DeadlineExceededError)",
    "html": "error: VirusTotal did not answer in JSON (status 502): a proxy in between, or a wrong `url`",
    "lost": "error: VirusTotal did not answer in JSON (status 404): a proxy in between, or a wrong `url`",
    "login": "error: VirusTotal did not answer in JSON (status 200): a proxy in between, or a wrong `url`",
    "truncated": "error: the answer of VirusTotal is broken: EOF while parsing",
    "other": "error: the answer of VirusTotal is broken: it has no `data.attributes`",
    "gone": "error: VirusTotal answered with status 204",
    "huge": "error: the answer of VirusTotal is larger than 8 MB",
    "redirect": "error: VirusTotal sends the request elsewhere (status 302), which is not followed; is its `url` right?",
    "slow": "error: VirusTotal did not answer within 2 s",
    "closed": "error: VirusTotal cannot be reached: ",
    "control": "error: VirusTotal does not understand the request: [31mred",
}


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_has_its_words_and_is_no_answer(tmp_path: Path, server: Services, error: str) -> None:
    desk = Desk(tmp_path, server)
    name = f"{error}.example.com"
    found = desk.look_up("virustotal_domain", name, parts="malicious suspicious engines")[name]
    told = f"{found['status']}: {found['reason']}"
    assert told.startswith(ERRORS[error]), told
    assert len(told) < 400 and "\x1b" not in told and found.get("malicious") is None
    assert server.calls[name] == 1, "all parts come from one request"
    assert "/stolen" not in server.paths and KEYS["virustotal"] not in desk.printed
    # Errors are not kept: the next query asks again, unless the service wants to be left alone.
    desk.look_up("virustotal_domain", name)
    assert server.calls[name] == (1 if error in ("quota", "busy") else 2)


def test_no_server_is_an_error_too(tmp_path: Path) -> None:
    with services() as gone:
        desk = Desk(tmp_path, gone)
    found = desk.look_up("rdap_domain", *(f"{name}.example.com" for name in "abcdefgh"))
    reasons = [f"{row['status']}: {row['reason']}" for row in found.values()]
    assert sum(reason.startswith("error: RDAP cannot be reached: ") for reason in reasons) in range(3, 8), "then it is given up"
    assert any(reason.startswith("not asked: RDAP failed 3 times in a row") for reason in reasons), reasons


def test_the_key_is_asked_for_and_checked(tmp_path: Path, server: Services) -> None:
    desk = Desk(tmp_path, server)
    names = [f"{name}.example.com" for name in "abcdefghijkl"]
    desk.environment["PLANTED_VIRUSTOTAL"] = "a-wrong-planted-key"
    found = desk.look_up("virustotal_domain", *names)
    assert {row["status"] for row in found.values()} == {"error"}
    reasons = {row["reason"] for row in found.values()}
    assert reasons == {"VirusTotal does not accept the key: Wrong API key [hidden] (WrongCredentialsError)"}
    assert sum(server.calls.values()) < len(names), "a refused key is not tried for each"
    del desk.environment["PLANTED_VIRUSTOTAL"]
    found = desk.look_up("virustotal_domain", "a.example.com")["a.example.com"]
    assert found["status"] == "not asked"
    assert found["reason"] == "VirusTotal needs a key: the environment variable `PLANTED_VIRUSTOTAL` is not set"
    (state,) = desk.rows("SELECT ready, missing FROM enrichment_services() WHERE service = 'virustotal'")
    assert not state["ready"] and "PLANTED_VIRUSTOTAL" in state["missing"]
    assert "a-wrong-planted-key" not in desk.printed


PRIVATE = {
    "virustotal_domain": ["printer", "nas.local", "a.test", "b.example", "vpn.corp.example.com", "1.0.0.10.in-addr.arpa", "10.0.0.1"],
    "virustotal_ip": ["10.1.2.3", "192.168.0.1", "127.0.0.1", "169.254.0.1", "224.0.0.1", "192.0.2.1", "9.9.9.9", "fe80::1", "fd00::1",
                      "2001:db8::1", "::ffff:10.0.0.1"],
    "virustotal_url": ["http://10.0.0.1/x", "https://printer/", "https://user:pw@example.com/", "https://vpn.corp.example.com/"],
    "abuseipdb_ip": ["10.1.2.3"],
    "greynoise_ip": ["10.1.2.3"],
    "rdap_ip": ["10.1.2.3"],
    "rdap_domain": ["corp.example.com"],
    "misp_domain": ["vpn.corp.example.com"],
}  # fmt: skip


def test_what_is_private_is_never_sent(tmp_path: Path, server: Services) -> None:
    desk = Desk(tmp_path, server)
    for function, values in PRIVATE.items():
        for value, row in desk.look_up(function, *values).items():
            assert row["status"] == "not asked", f"{function}({value}): {row}"
            assert "never sent" in row["reason"] or "it is no " in row["reason"], row
    assert server.paths == []


def test_the_quota_of_a_day_holds_across_processes(tmp_path: Path, server: Services) -> None:
    desk = Desk(tmp_path, server, virustotal="per_minute = 100\nper_day = 5\n")
    names = [f"n{number}.example.com" for number in range(8)]
    first, second = (desk.start(looking_up("virustotal_domain", *part)) for part in (names[:4], names[4:]))
    rows = desk.end(first) + desk.end(second)
    assert [row["status"] for row in rows].count("found") == 5 and sum(server.calls.values()) == 5
    reasons = {row["reason"] for row in rows if row["status"] == "not asked"}
    assert len(reasons) == 1 and reasons.pop().startswith("quota: 5 of 5 requests to VirusTotal are used today; again after ")
    (state,) = desk.rows("SELECT used_today, left_today FROM enrichment_services() WHERE service = 'virustotal'")
    assert state == {"used_today": 5, "left_today": 0}
    # What was answered is still there, and costs nothing.
    again = desk.look_up("virustotal_domain", *names)
    assert sum(row["status"] == "found" and row["from_cache"] for row in again.values()) == 5


def test_a_query_waits_for_its_minute_and_can_be_stopped(tmp_path: Path, server: Services) -> None:
    server.per_minute = 4
    desk = Desk(tmp_path, server)
    names = [f"n{number}.example.com" for number in range(6)]
    waiting = desk.start(looking_up("virustotal_domain", *names))
    began = time.monotonic()
    while sum(server.calls.values()) < 4:
        assert waiting.poll() is None and time.monotonic() - began < 30
        time.sleep(0.05)
    time.sleep(1)
    assert waiting.poll() is None and sum(server.calls.values()) == 4, "the service would refuse a fifth"
    waiting.send_signal(2)
    _, err = waiting.communicate(timeout=10)
    assert "cancelled" in err
    kept = desk.look_up("virustotal_domain", *names, mode="cached")
    assert sum(row["status"] == "found" for row in kept.values()) == 4, "what was answered is kept"
    assert {row["reason"] for row in kept.values() if row["status"] == "not asked"} == {"not in the cache"}
    assert sum(server.calls.values()) == 4


def test_a_service_that_says_stop_is_left_alone(tmp_path: Path, server: Services) -> None:
    desk = Desk(tmp_path, server)
    names = ["busy.example.com", *(f"z{number}.example.com" for number in range(20))]
    found = desk.look_up("virustotal_domain", *names)
    stopped = [row for row in found.values() if row["status"] == "not asked"]
    assert len(stopped) >= 15 and all("asked too often" in row["reason"] for row in stopped)
    asked = sum(server.calls.values())
    other = desk.look_up("virustotal_ip", "8.8.8.8")["8.8.8.8"]
    assert other["status"] == "not asked" and sum(server.calls.values()) == asked, "also by the next process"


def test_the_other_services(tmp_path: Path, server: Services) -> None:
    desk = Desk(tmp_path, server)
    abuse = desk.look_up("abuseipdb_ip", "8.8.8.8", "2001:4860:4860::8888", parts="score reports last_reported is_tor hostnames")
    assert abuse["8.8.8.8"]["score"] == 87 and abuse["2001:4860:4860::8888"]["is_tor"] is False
    assert abuse["8.8.8.8"]["last_reported"].startswith("2024-02-05T10:31:00")
    noise = desk.look_up("greynoise_ip", "8.8.8.8", "8.8.4.4", parts="noise classification last_seen")
    assert (noise["8.8.8.8"]["noise"], noise["8.8.8.8"].get("classification")) == (True, None)
    assert noise["8.8.4.4"]["status"] == "not found" and noise["8.8.8.8"]["last_seen"].startswith("2024-02-04")
    domains = desk.look_up("rdap_domain", "example.com", "notfound.example.com", parts="registered registrar state")
    assert domains["example.com"]["registrar"] == "Some Registrar" and domains["notfound.example.com"]["status"] == "not found"
    assert "/registry/domain/example.com" in server.paths, "the directory sends on to the registry"
    assert desk.look_up("rdap_ip", "8.8.8.8", parts="network")["8.8.8.8"]["network"] == "8.8.8.0/24"
    misp = desk.look_up("misp_domain", "evil.example.com", "good.example.com", parts="events event_info to_ids")
    assert misp["evil.example.com"] | {"events": 1, "event_info": "Campaign", "to_ids": True} == misp["evil.example.com"]
    assert misp["good.example.com"]["status"] == "not found"
    digest = "d41d8cd98f00b204e9800998ecf8427e"
    assert desk.look_up("virustotal_file", digest, "0" * 64, parts="file_name size")[digest]["file_name"] == "a.exe"
    url = "http://good.example.com/a?b=c"
    assert desk.look_up("virustotal_url", url, parts="final_url")[url]["status"] == "found"
    ips = desk.rows("SELECT virustotal_ip(to_ip('8.8.8.8'))['country'] AS country")
    assert ips == [{"country": "CZ"}], "addresses of flows are taken as they are"


def test_no_key_is_anywhere_but_in_its_header(tmp_path: Path, server: Services) -> None:
    desk = Desk(tmp_path, server, virustotal="per_minute = 100\n")
    # All that there is to log, also of the crates below.
    desk.environment["FLOWDECK_LOG"] = "trace,hyper_util=trace"
    names = ["good.example.com", "echo.example.com", "redirect.example.com", "html.example.com", "closed.example.com"]
    for name in names:
        desk.look_up("virustotal_domain", name)
    for function in ("abuseipdb_ip", "greynoise_ip", "rdap_ip"):
        desk.look_up(function, "8.8.8.8")
    desk.look_up("misp_domain", "evil.example.com")
    desk.rows("SELECT * FROM enrichment_services()")
    desk.rows("EXPLAIN VERBOSE SELECT virustotal_domain('good.example.com')")
    assert len(server.paths) >= 9 and "TRACE hyper_util" in desk.printed, "the log is there"
    places = {"what was printed": desk.printed, "addresses": "\n".join(server.paths)}
    for file in tmp_path.rglob("*"):
        if file.is_file():
            places[file.name] = file.read_bytes().decode("latin-1")
    assert "enrichment.sqlite" in places
    for place, text in places.items():
        for key in KEYS.values():
            assert key not in text, f"{key} is in {place}"
    store = tmp_path / "shared" / "enrichment.sqlite"
    assert store.stat().st_mode & 0o077 == 0
    with sqlite3.connect(store) as answers:
        assert answers.execute("SELECT count(*) FROM answers").fetchone()[0] >= 4


def test_wrong_settings_cost_lookups_alone(tmp_path: Path, server: Services) -> None:
    desk = Desk(tmp_path, server)
    text = desk.config.read_text()
    for wrong, fact in (
        ("[enrichment.virustotl]\n", "virustotl"),
        ("[enrichment.greynoise2]\nkey = 'a-literal-key'\n", "a secret is not written into the configuration"),
        ("[enrichment.greynoise2]\nper_hour = 4\n", "per_hour"),
        ("", "expected the table of a service; keys beside services are internal_networks, internal_domains"),
    ):
        desk.config.write_text(text + wrong if wrong else text.replace("internal_domains", "internal_domain"))
        if "virustotl" not in wrong:
            process = subprocess.run([FLOWDECK, "toplist", "status"], capture_output=True, text=True, env=desk.environment)
            assert fact in process.stderr and "line " in process.stderr, process.stderr
            assert "a-literal-key" not in process.stderr.replace("key = 'a-literal-key'", ""), process.stderr
            continue
        fault = desk.fault("SELECT virustotal_domain('example.com')")
        assert fact in fault and "abuseipdb" in fault, fault
        assert desk.rows("SELECT 1 AS one") == [{"one": 1}]
    desk.config.write_text(text.replace(server.address + "/api/v3/", "http://ti.example.org/"))
    assert "must begin with https" in desk.fault("SELECT virustotal_domain('example.com')")
