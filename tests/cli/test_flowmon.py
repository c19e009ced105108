"""Flows of a Flowmon collector: what is asked, what comes back, and everything that goes wrong, in words and without
secrets."""

import csv
import io
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from harness import paths
from harness.flowmon import CHANNELS, PASSWORD, TOKEN_PREFIX, Flowmon, flow, flowmon
from harness.repository import own_certificate

FLOWDECK = paths.TARGET / "debug" / "flowdeck"
# The collector's clock, two hours ahead of UTC.
NOON = datetime(2024, 7, 1, 12)
ZONE = "time_zone = 'Europe/Prague'"
WINDOW = "start_time < TIMESTAMP '2024-07-01T10:30:00Z' AND end_time >= TIMESTAMP '2024-07-01T10:00:00Z'"


def campus() -> list[dict]:
    flows = [flow(NOON + timedelta(seconds=n), f"10.0.0.{n % 4}", "192.0.2.1", dp=80 + n % 2, channel=CHANNELS[n % 4]) for n in range(40)]
    flows.append(flow(NOON, "10.0.1.1", "192.0.2.9", byt=1_300_000_000, pkt=995_028, td=554.458))
    flows.append(flow(NOON, "2001:db8::1", "2001:db8::53", pr=17, sp=53, dp=53, byt=300))
    flows.append(flow(NOON, "10.0.1.2", "192.0.2.9", pr=1, sp=0, dp="8.0"))
    # In the same hour of UTC for who takes local times for UTC.
    flows.append(flow(NOON - timedelta(hours=2), "10.9.9.9", "192.0.2.1"))
    return flows


@pytest.fixture
def collector() -> Iterator[Flowmon]:
    with flowmon(campus()) as running:
        yield running


class Analyst:
    """Runs queries, and looks everywhere for what must not be there."""

    def __init__(self, folder: Path, collector: Flowmon, **options: str) -> None:
        self.folder = folder
        self.config = folder / "flowdeck.toml"
        self.config.write_text(collector.config(more=options.pop("more", ZONE), **options))

    def run(self, *arguments: str, password: str = PASSWORD) -> subprocess.CompletedProcess:
        environment = {**os.environ, "FLOWDECK_CONFIG": str(self.config), "PLANTED_FLOWMON": password, "FLOWDECK_LOG": "debug"}
        ended = subprocess.run(
            [FLOWDECK, *arguments], capture_output=True, text=True, timeout=120, env=environment, cwd=self.folder
        )
        everything = ended.stdout + ended.stderr
        assert PASSWORD not in everything and password not in everything and TOKEN_PREFIX not in everything, everything
        return ended

    def rows(self, query: str) -> list[dict[str, str]]:
        ended = self.run("sql", query, "--format", "csv")
        assert ended.returncode == 0, ended.stderr
        return list(csv.DictReader(io.StringIO(ended.stdout)))

    def fails(self, query: str = f"SELECT count(bytes) FROM collector WHERE {WINDOW}") -> str:
        ended = self.run("sql", query)
        assert ended.returncode == 1, ended.stdout
        return ended.stderr


def test_flows_come_as_they_are_asked_for(tmp_path: Path, collector: Flowmon) -> None:
    analyst = Analyst(tmp_path, collector)
    hosts = "ip_in(src_ip, '10.0.1.0/24, 2001:db8::/32')"
    rows = analyst.rows(
        "SELECT start_time, end_time, src_ip, dst_port, protocol_name, icmp_type, packets, bytes, sensor, notes FROM collector "
        f"WHERE {hosts} AND {WINDOW} ORDER BY src_ip"
    )
    assert [row["src_ip"] for row in rows] == ["10.0.1.1", "10.0.1.2", "2001:db8::1"]
    first, ping, question = rows
    assert (first["start_time"], first["end_time"]) == ("2024-07-01T10:00:00Z", "2024-07-01T10:09:14.458Z")
    assert (first["bytes"], first["packets"], first["notes"]) == ("1300000000", "995028", "[bytes_rounded]")
    assert (ping["icmp_type"], ping["dst_port"], question["protocol_name"]) == ("8", "", "udp")
    asked = [parameters for _, parameters in collector.searches]
    assert {tuple(one["search"]["channels"]) for one in asked} == {(channel,) for channel in CHANNELS}
    for one in asked:
        assert (one["search"]["from"], one["search"]["to"]) == ("2024-07-01 11:55:00", "2024-07-01 12:35:00")
        assert one["search"]["filter"] == "(src net 10.0.1.0/24 or src net 2001:db8::/32)" and one["showonly"] == "1000000"
    analyst.rows(f"SELECT src_ip, bytes FROM collector WHERE {WINDOW}")
    assert json.loads(collector.searches[-1][1]["output"]) == ["ts", "te", "sa", "byt"]


def test_channels_and_limit_are_left_to_the_server(tmp_path: Path, collector: Flowmon) -> None:
    analyst = Analyst(tmp_path, collector)
    rows = analyst.rows(f"SELECT src_ip FROM collector WHERE sensor IN ('SRV', 'UKB') AND {WINDOW}")
    assert len(rows) == 23
    ((_, asked),) = collector.searches
    assert asked["search"]["channels"] == ["SRV", "UKB"]
    either = analyst.rows(f"SELECT src_ip FROM collector WHERE (sensor = 'UKB' OR protocol = 17) AND {WINDOW}")
    assert len(either) == 11
    collector.searches.clear()
    assert len(analyst.rows("SELECT src_ip FROM collector WHERE protocol = 17 LIMIT 5")) == 0, "nothing in the last hour"
    assert collector.searches[0][1]["showonly"] == "5"


def test_a_query_without_a_time_asks_for_an_hour_and_says_so(tmp_path: Path) -> None:
    now = datetime.now()
    with flowmon([flow(now - timedelta(minutes=5), "10.0.0.1", "192.0.2.1"), flow(now - timedelta(hours=3), "10.0.0.2", "192.0.2.1")]) as server:
        local = time.strftime("%Z")
        ended = Analyst(tmp_path, server, more="" if local == "UTC" else ZONE).run("sql", "SELECT src_ip FROM collector")
    assert ended.returncode == 0 and "10.0.0.1" in ended.stdout and "10.0.0.2" not in ended.stdout
    assert "does not say from when" in ended.stdout + ended.stderr


def test_a_long_list_of_hosts_is_sent_as_a_form(tmp_path: Path, collector: Flowmon) -> None:
    analyst = Analyst(tmp_path, collector)
    hosts = ", ".join(f"10.0.{n}.{n}" for n in range(1, 190)) + ", 10.0.0.3"
    rows = analyst.rows(f"SELECT count(bytes) AS n FROM collector WHERE ip_in(src_ip, '{hosts}') AND {WINDOW}")
    assert rows == [{"n": "11"}]
    assert [method for method, _ in collector.searches] == ["POST"]


def test_the_list_of_sources_tells_what_it_is(tmp_path: Path, collector: Flowmon) -> None:
    ended = Analyst(tmp_path, collector, more=f"{ZONE}\nprofile = 'live'\nchannels = ['SRV']").run("sources", "collector")
    assert ended.returncode == 0 and "a Flowmon profile" in ended.stdout and "ready" in ended.stdout, ended.stdout
    assert "SRV" in ended.stdout and "password" in ended.stdout


@pytest.mark.parametrize(
    ("behaviour", "fact"),
    [
        ("failed", "No space left for the result"),
        ("page", "a page and not JSON (status 502)"),
        ("cut", "it breaks off"),
        ("never", "did not answer within 2 s"),
        ("slow", "did not answer within 2 s"),
        ("gone", "the result is not there any more"),
        ("broken", "Worker died with [hidden] (it answers 500)"),
    ],
)
def test_a_query_that_goes_wrong_says_how(tmp_path: Path, collector: Flowmon, behaviour: str, fact: str) -> None:
    analyst = Analyst(tmp_path, collector, more=f"{ZONE}\nquery_timeout = '2s'")
    collector.behave = behaviour
    if behaviour == "failed":
        analyst.config.write_text(analyst.config.read_text().replace("2s", "30s"))
    told = analyst.fails()
    assert fact in told and "127.0.0.1" in told, told


@pytest.mark.parametrize(
    ("behaviour", "fact"),
    [
        ("forbidden", "does not allow it: The user has no right to this resource"),
        ("moved", "sends on to another address"),
        ("login", "a page and not JSON (status 200)"),
    ],
)
def test_a_server_that_refuses_says_why(tmp_path: Path, collector: Flowmon, behaviour: str, fact: str) -> None:
    collector.behave = behaviour
    told = Analyst(tmp_path, collector).fails()
    assert fact in told, told


def test_what_is_set_wrongly_is_told(tmp_path: Path, collector: Flowmon) -> None:
    wrong = Analyst(tmp_path, collector).run("sql", "SELECT 1 FROM collector", password="flowmon-planted-but-wrong")
    assert wrong.returncode == 1 and "does not accept the login" in wrong.stderr and "[hidden]" in wrong.stderr
    for more, fact in [("profile = 'liv'", "Did you mean `live`?"), ("channels = ['SRV', 'ABC']", "There are CESNET, SRV, UKB, VSS")]:
        assert fact in Analyst(tmp_path, collector, more=more).fails()
    unset = Analyst(tmp_path, collector, password="PLANTED_ELSEWHERE").fails()
    assert "PLANTED_ELSEWHERE" in unset


def test_an_expired_token_is_refreshed(tmp_path: Path, collector: Flowmon) -> None:
    collector.expires_in = 31
    analyst = Analyst(tmp_path, collector)
    collector.polls_before_result = 6
    assert analyst.rows(f"SELECT count(bytes) AS n FROM collector WHERE {WINDOW}") == [{"n": "43"}]
    assert collector.grants[0] == "password" and collector.grants.count("refresh_token") >= 1, collector.grants


def test_an_interrupted_query_asks_no_more(tmp_path: Path, collector: Flowmon) -> None:
    analyst = Analyst(tmp_path, collector)
    collector.behave = "never"
    environment = {**os.environ, "FLOWDECK_CONFIG": str(analyst.config), "PLANTED_FLOWMON": PASSWORD}
    query = f"SELECT count(bytes) FROM collector WHERE {WINDOW}"
    with subprocess.Popen([FLOWDECK, "sql", query], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 30
        while collector.polls < 2:
            assert time.monotonic() < deadline, "it never asked"
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=10) != 0
    polls = collector.polls
    time.sleep(1.5)
    assert collector.polls == polls


def test_an_authority_of_the_house_is_trusted_when_it_is_named(tmp_path: Path) -> None:
    certificate = own_certificate(tmp_path)
    with flowmon(campus(), certificate=(certificate, tmp_path / "key.pem")) as server:
        analyst = Analyst(tmp_path, server, more=f"{ZONE}\nca_file = '{certificate.name}'")
        assert analyst.rows(f"SELECT count(bytes) AS n FROM collector WHERE {WINDOW}") == [{"n": "43"}]
        assert "no secure connection" in Analyst(tmp_path, server).fails()
