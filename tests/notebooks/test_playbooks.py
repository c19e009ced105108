"""The playbooks answer their questions, on a page and without one: the demo data's incident is found as it is documented,
and so are attacks that the demo data does not have, planted in flows of our own.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import nbformat
import pytest
from harness import paths, visits
from harness.flowmon import CHANNELS, PASSWORD, TOKEN_PREFIX, Flowmon, flowmon
from harness.flowmon import flow as flow_at
from harness.front_end import FrontEnd
from harness.headless import HeadlessPlaybook
from harness.kernel import Kernel
from harness.playbook import Playbook, Row
from harness.services import ENVIRONMENT, KEYS, Services, services

Open = Callable[[str], Playbook]

# Whether a person presses on a page, or `flowdeck run` does: both have to find the same.
WAYS = ["page", "run"]

# The numbered notebooks are tours: they show how things work, code included.
PLAYBOOKS = sorted(
    path
    for path in paths.NOTEBOOKS.rglob("*.ipynb")
    if ".ipynb_checkpoints" not in path.parts and not re.match(r"\d\d_", path.name)
)

every_playbook = pytest.mark.parametrize(
    "path", PLAYBOOKS, ids=[str(path.relative_to(paths.NOTEBOOKS).with_suffix("")) for path in PLAYBOOKS]
)


@every_playbook
def test_a_playbook_says_what_it_is_and_shows_no_plumbing(path: Path) -> None:
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    first, *others = notebook.cells
    title, description, about = first.source.split("\n\n")
    assert title == f"# {notebook.metadata.title}", "Voilà shows the title of the metadata as that of the page"
    assert description and not description.startswith(("#", "*"))
    maintainers = " and ".join(author["name"] for author in notebook.metadata.authors)
    assert re.match(rf"\*Version \d+\.\d+\.\d+, maintained by the {re.escape(maintainers)}\. (Reads the source `|Works on )", about)
    headings = [line for cell in others if cell.cell_type == "markdown" for line in cell.source.splitlines() if line[:1] == "#"]
    numbers = [re.match(r"## (\d+)\. ", heading) for heading in headings]
    assert [int(number.group(1)) for number in numbers if number] == list(range(1, len(headings) + 1)), "steps in order"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # Of a hidden cell JupyterLab shows the first line: that is an empty one.
            kinds = ("\n%%form\n", "\n%%sql ", "\n%playbooks ")
            assert cell.source.startswith(kinds), f"neither form nor query nor command: {cell.source[:80]!r}"
            assert cell.metadata.jupyter.source_hidden and "remove_input" in cell.metadata.tags, "JupyterLab and nbconvert"
            assert cell.execution_count is None and cell.outputs == []


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return json.loads((paths.DEMO_DATA / "ground-truth.json").read_text())


@pytest.fixture(scope="module")
def incidents(truth: dict[str, Any]) -> dict[str, Any]:
    return {incident["kind"]: incident for incident in truth["incidents"]}


@pytest.fixture(scope="module")
def campus_page() -> Iterator[FrontEnd]:
    """A kernel on the demo data, for all playbooks."""
    with Kernel() as kernel:
        yield FrontEnd(kernel)


@pytest.fixture(params=WAYS)
def campus(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Playbook | HeadlessPlaybook]]:
    if request.param == "run":
        yield lambda name: HeadlessPlaybook(name, tmp_path)
    else:
        yield from opener(request.getfixturevalue("campus_page"))


def opener(page: FrontEnd) -> Iterator[Open]:
    """Opens playbooks, and leaves them as they were."""
    opened: list[Playbook] = []

    def open_playbook(name: str) -> Playbook:
        opened.append(Playbook(page, name))
        return opened[-1]

    yield open_playbook
    for playbook in opened:
        playbook.leave()


def by(rows: list[Row], *columns: str) -> dict[tuple[str | None, ...], Row]:
    found = {tuple(row[column] for column in columns): row for row in rows}
    assert len(found) == len(rows), f"{columns} occur twice"
    return found


def within(row: Row, first: str, last: str, of: dict[str, Any]) -> bool:
    return (row[first], row[last]) == (of["first"], of["last"])


def test_the_scan_is_found_and_who_answered(campus: Open, incidents: dict[str, Any], truth: dict[str, Any]) -> None:
    scan = incidents["horizontal_scan"]
    scanner = next(benign for benign in truth["benign"] if benign["kind"] == "vulnerability_scanner")
    playbook = campus("detection/scans")
    scans, vertical = playbook.press("Find scans", "scans", "vertical_scans")
    found = by(scans, "src_ip", "dst_port")
    harmless = {(source, str(port)) for source in scanner["sources"] for port in scanner["ports"]}
    assert set(found) == {(scan["attacker"], str(port["port"])) for port in scan["ports"]} | harmless
    assert vertical == []
    for port in scan["ports"]:
        row = found[scan["attacker"], str(port["port"])]
        assert (row["targets"], row["answered"]) == (str(port["targets"]), str(len(port["answered_hosts"])))
        assert row["refused"] == str(port["conn_states"]["REJ"]) and within(row, "first", "last", port)
        playbook.fill(scanner=scan["attacker"], port=port["port"])
        (answered,) = playbook.press("List hosts that answered", "answered")
        assert sorted(row["dst_ip"] or "" for row in answered) == sorted(port["answered_hosts"])
    playbook.fill(known_scanners=", ".join(scanner["sources"]))
    (scans,) = playbook.press("Find scans", "scans")
    assert {row["src_ip"] for row in scans} == {scan["attacker"]}


@pytest.mark.parametrize("service", ["RDP", "Other"])
def test_the_guessing_is_found_and_which_password_fit(campus: Open, incidents: dict[str, Any], service: str) -> None:
    attack = incidents["rdp_password_guessing"]
    playbook = campus("detection/password_guessing")
    playbook.fill(service=service)
    if service == "Other":
        band = attack["band"]
        playbook.fill(port=attack["port"], packets_from=band["packets"][0], packets_to=band["packets"][1])
        playbook.fill(bytes_from=band["bytes"][0], bytes_to=band["bytes"][1])
    (guessing,) = playbook.press("Find guessing", "guessing")
    found = by(guessing, "src_ip", "dst_ip")
    assert set(found) == {(attack["attacker"], victim["host"]) for victim in attack["victims"]}, "no administrator"
    success = attack["success"]
    for victim in attack["victims"]:
        row = found[attack["attacker"], victim["host"]]
        assert row["guesses"] == str(victim["attempts"]) and within(row, "first", "last", victim)
        hint = success["start"] if victim["host"] == success["host"] else None
        assert row["success_hint"] == hint
    assert guessing[0]["dst_ip"] == attack["compromised_host"], "the one that matters is on top"
    assert (guessing[0]["bytes"], guessing[0]["rev_bytes"]) == (str(success["bytes"]), str(success["rev_bytes"]))
    playbook.fill(attacker=attack["attacker"], victim=success["host"])
    (sessions,) = playbook.press("List sessions", "sessions")
    assert sessions[0]["uid"] == success["uid"] and len(sessions) == int(guessing[0]["sessions"] or 0)


def test_no_passwords_were_guessed_over_ssh(campus: Open) -> None:
    playbook = campus("detection/password_guessing")
    playbook.fill(service="SSH")
    assert playbook.press("Find guessing", "guessing") == ([],)


def test_the_beacon_is_found_among_the_regular(campus: Open, incidents: dict[str, Any], truth: dict[str, Any]) -> None:
    beacon = incidents["beacon"]
    playbook = campus("detection/beaconing")
    (beacons,) = playbook.press("Find beacons", "beacons")
    regular = {"uptime_check", "time_sync"}
    harmless = {source for benign in truth["benign"] if benign["kind"] in regular for source in benign["sources"]}
    assert {row["src_ip"] for row in beacons} == {beacon["source"]} | harmless
    row = by(beacons, "src_ip", "dst_ip", "dst_port")[beacon["source"], beacon["destination"], str(beacon["port"])]
    assert row["calls"] == str(beacon["count"]) and row["hosts"] == "1" and within(row, "first", "last", beacon)
    assert abs(float(row["every_s"] or 0) - beacon["interval_s"]) < beacon["jitter_s"] and float(row["score"] or 0) > 0.9
    playbook.fill(caller=beacon["source"], called=beacon["destination"])
    (gaps,) = playbook.press("Count gaps", "gaps")
    assert sum(int(row["calls"] or 0) for row in gaps) == beacon["count"] - 1
    most = max(gaps, key=lambda row: int(row["calls"] or 0))
    assert len(most["bar"] or "") == 30 and abs(int(most["from_s"] or 0) - beacon["interval_s"]) <= 5
    playbook.fill(score_at_least=0.99)
    (beacons,) = playbook.press("Find beacons", "beacons")
    assert {row["src_ip"] for row in beacons} == harmless, "a clock is more exact than a beacon with jitter"
    playbook.fill(known=", ".join(sorted(harmless)), score_at_least=0.7)
    (beacons,) = playbook.press("Find beacons", "beacons")
    assert [row["src_ip"] for row in beacons] == [beacon["source"]]


def test_connections_of_the_attacker_and_the_host_that_gave_in(campus: Open, incidents: dict[str, Any]) -> None:
    scan, attack = incidents["horizontal_scan"], incidents["rdp_password_guessing"]
    victim = next(victim for victim in attack["victims"] if victim["host"] == attack["compromised_host"])
    probes = sum(victim["host"] in port["answered_hosts"] for port in scan["ports"])
    expected = probes + victim["attempts"] + 1
    playbook = campus("incident_handling/connections_flows_ips")
    playbook.fill(src_ip=attack["attacker"], dst_ip=victim["host"])
    (flows,) = playbook.press("Get IP flows", "connections")
    assert len(flows) == expected
    playbook.fill(view="extended")
    (extended,) = playbook.press("Get IP flows", "connections_extended")
    assert [row["start_time"] for row in extended] == [row["start_time"] for row in flows]
    assert attack["success"]["uid"] in {row["uid"] for row in extended}
    playbook.fill(view="aggregated")
    (summed,) = playbook.press("Get IP flows", "connections_aggregated")
    assert sum(int(row["flows"] or 0) for row in summed) == expected
    assert sum(int(row["rev_bytes"] or 0) for row in summed) == sum(int(row["rev_bytes"] or 0) for row in flows)
    playbook.fill(view="default")
    # The other way round there is nothing, unless both directions are asked for.
    playbook.fill(src_ip=victim["host"], dst_ip=attack["attacker"])
    assert len(playbook.press("Get IP flows", "connections")[0]) == expected
    playbook.fill(both_directions=False)
    assert playbook.press("Get IP flows", "connections") == ([],)
    # Flows that are open in the interval count, whenever they began.
    playbook.fill(src_ip=attack["attacker"], dst_ip=victim["host"])
    playbook.fill(start_time=picked("2024-02-05T10:45:30"))
    (flows,) = playbook.press("Get IP flows", "connections")
    assert [row["start_time"] for row in flows] == [attack["success"]["start"]]
    playbook.fill(channels=[flows[0]["sensor"]])
    assert len(playbook.press("Get IP flows", "connections")[0]) == 1


def test_one_table_for_the_view_that_is_chosen_and_the_channels_of_the_source(campus_page: FrontEnd) -> None:
    open_playbook = next(opened := opener(campus_page))
    playbook = open_playbook("incident_handling/connections_flows_ips")
    (rows,) = playbook.press("Get IP flows", "connections")
    sensors = playbook.options("Channels")
    assert {row["sensor"] for row in rows} <= set(sensors)
    playbook.fill(view="extended")
    playbook.press("Get IP flows", "connections_extended")
    assert playbook.status("connections") == "for View = default" and playbook.is_empty("connections")
    next(opened, None)


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[tuple[Playbook, Flowmon]]:
    """The playbook on a Flowmon collector."""
    names = {"SRV": "10.0.0.1", "UKB": "10.0.0.2"}
    local = NOON.astimezone(ZoneInfo("Europe/Prague")).replace(tzinfo=None)
    flows = [flow_at(local + timedelta(seconds=n), host, "192.0.2.1", channel=name) for name, host in names.items() for n in range(5)]
    flows.append(flow_at(local, "10.0.0.1", "192.0.2.9", byt=1_300_000_000))
    with flowmon(flows) as server:
        config = tmp_path / "flowdeck.toml"
        config.write_text(server.config(more="time_zone = 'Europe/Prague'"))
        with Kernel(env={"FLOWDECK_CONFIG": str(config), "PLANTED_FLOWMON": PASSWORD}) as kernel:
            playbook = Playbook(FrontEnd(kernel), "incident_handling/connections_flows_ips")
            playbook.fill(src_ip="10.0.0.0/24", dst_ip="192.0.2.0/24")
            playbook.fill(start_time=picked("2024-02-05T11:59:00"), end_time=picked("2024-02-05T12:10:00"))
            yield playbook, server
            everything = repr(kernel.iopub) + repr(playbook.page.models) + kernel.log()
            assert PASSWORD not in everything and TOKEN_PREFIX not in everything, "secrets never reach the page or the log"


def test_connections_of_a_flowmon_collector(collector: tuple[Playbook, Flowmon]) -> None:
    playbook, server = collector
    assert playbook.options("Source") == ["collector"] and playbook.options("Channels") == CHANNELS
    (rows,) = playbook.press("Get IP flows", "connections")
    assert len(rows) == 11 and {row["sensor"] for row in rows} == {"SRV", "UKB"}
    assert [row["bytes"] for row in rows if row["notes"] == "[bytes_rounded]"] == ["1300000000"]
    assert {row["start_time"] for row in rows if row["dst_ip"] == "192.0.2.9"} == {moment(0)}
    playbook.fill(channels=["UKB"])
    (rows,) = playbook.press("Get IP flows", "connections")
    assert {row["src_ip"] for row in rows} == {"10.0.0.2"} and len(rows) == 5
    playbook.fill(view="aggregated", channels=["SRV", "UKB"])
    (rows,) = playbook.press("Get IP flows", "connections_aggregated")
    assert sorted((row["src_ip"], row["flows"]) for row in rows) == [("10.0.0.1", "1"), ("10.0.0.1", "5"), ("10.0.0.2", "5")]


def test_a_search_of_a_collector_can_be_stopped(collector: tuple[Playbook, Flowmon]) -> None:
    playbook, server = collector
    server.behave = "never"
    playbook.start("Get IP flows")
    playbook.stop("connections")
    playbook.page.until(lambda: "stopped after" in playbook.status("connections"), "the end")
    polls = server.polls
    time.sleep(1)
    assert server.polls <= polls + 1, "nobody waits for the result any more"
    server.behave = ""
    (rows,) = playbook.press("Get IP flows", "connections")
    assert len(rows) == 11


def test_the_card_of_the_host_that_gave_in(campus: Open, incidents: dict[str, Any]) -> None:
    attack, beacon = incidents["rdp_password_guessing"], incidents["beacon"]
    victim = next(victim for victim in attack["victims"] if victim["host"] == attack["compromised_host"])
    playbook = campus("host_card")
    playbook.fill(host=attack["compromised_host"])
    tables = ("host_facts", "host_signs", "host_offers", "host_uses", "host_peers", "host_names", "host_hours")
    facts, signs, offers, uses, peers, names, hours = playbook.press("Show the host", *tables)
    assert [((row["sign"] or "").partition(", score")[0], row["peer"], row["count"]) for row in signs] == [
        ("had passwords tried over rdp", attack["attacker"], str(victim["attempts"])),
        ("a larger session followed, rdp", attack["attacker"], "1"),
        ("calls port 443 like a clock", beacon["destination"], str(beacon["count"])),
    ]
    assert offers[0]["service"] == "rdp"
    assert {row["service"]: row["flows"] for row in uses} == {"https": str(beacon["count"]), "dns": str(beacon["dns_queries"])}
    assert [row["peer"] for row in peers if row["place"] == "outside"] == [beacon["destination"]]
    assert {(row["name"], row["count"]) for row in names} == {(beacon["domain"], str(beacon["count"]))}
    flows = sum(int(row["value"] or 0) for row in facts if row["fact"] in ("flows it began", "flows to it"))
    assert flows == sum(int(row["flows"] or 0) for row in hours)
    playbook.fill(host=attack["attacker"])
    signs, peers = playbook.press("Show the host", "host_signs", "host_peers")
    probed = {row["sign"]: row["count"] for row in signs if "probed" in (row["sign"] or "")}
    scan = incidents["horizontal_scan"]
    assert probed == {f"probed port {port['port']} of many hosts": str(port["targets"]) for port in scan["ports"]}
    tried = {row["peer"] for row in signs if row["sign"] == "tried passwords over rdp"}
    assert tried == {victim["host"] for victim in attack["victims"]} and len(peers) > scan["ports"][1]["targets"] - 1


MAIL_SERVER, WEB_SERVER = "10.20.2.10", "10.20.2.20"


def test_nothing_was_taken_out_of_the_campus(campus: Open) -> None:
    playbook = campus("detection/exfiltration")
    uploads, senders = playbook.press("Find uploads", "uploads", "senders")
    assert uploads and {row["marked"] for row in uploads} == {"false"}
    sent = [int(row["sent"] or 0) for row in uploads]
    assert sent == sorted(sent, reverse=True) and {row["begun_by"] for row in uploads} == {"us"}
    assert senders[0]["our_ip"] == MAIL_SERVER and float(senders[0]["balance"] or 0) > 0.9
    playbook.fill(begun_by="them")
    (senders,) = playbook.press("Find uploads", "senders")
    assert [row["our_ip"] for row in senders[:2]] == [WEB_SERVER, MAIL_SERVER]
    assert playbook.press("Find long connections", "long_connections") == ([],)


def test_no_tunnel_and_the_names_of_the_beacon(campus: Open, incidents: dict[str, Any]) -> None:
    beacon = incidents["beacon"]
    playbook = campus("detection/dns_tunnelling")
    (tunnels,) = playbook.press("Find tunnels", "tunnels")
    assert {row["severity"] for row in tunnels} == {""}
    assert not [row for row in tunnels if (row["domain"] or "").endswith(".arpa")], "known domains are left out"
    playbook.fill(host=beacon["source"], domain="update-check.test")
    (names,) = playbook.press("List names", "names")
    assert [(row["name"], row["questions"]) for row in names] == [(beacon["domain"], str(beacon["dns_queries"]))]


@pytest.mark.parametrize("group", ["the host", "its network", "all of us"])
def test_the_beacon_is_a_new_destination(campus: Open, incidents: dict[str, Any], group: str) -> None:
    beacon = incidents["beacon"]
    playbook = campus("detection/new_destinations")
    playbook.fill(new_for=group)
    (fresh,) = playbook.press("Find new destinations", "new_destinations")
    assert (fresh[0]["src_ip"], fresh[0]["dst_ip"]) == (beacon["source"], beacon["destination"])
    assert fresh[0]["flows"] == str(beacon["count"]) and within(fresh[0], "first", "first", {**beacon, "last": beacon["first"]})
    playbook.fill(destination=beacon["destination"])
    (visitors,) = playbook.press("List visitors", "visitors")
    assert [row["src_ip"] for row in visitors] == [beacon["source"]]


def test_the_attacker_reaches_new_servers(campus: Open, incidents: dict[str, Any]) -> None:
    scan = incidents["horizontal_scan"]
    playbook = campus("detection/lateral_movement")
    (fan_out,) = playbook.press("Find movement", "fan_out")
    assert {(row["src_ip"], row["dst_port"]): row["new_servers"] for row in fan_out} == {
        (scan["attacker"], str(port["port"])): str(len(port["answered_hosts"])) for port in scan["ports"]
    }, "and no administrator"


def test_nobody_floods_the_campus(campus: Open) -> None:
    playbook = campus("detection/ddos_victim")
    assert playbook.press("Find floods", "floods") == ([],)
    course, senders = playbook.press("Show the course", "course", "flood_sources")
    for column in ("flows", "bytes"):
        assert sum(int(row[column] or 0) for row in course) == sum(int(row[column] or 0) for row in senders) > 0


def test_the_beacon_is_on_the_list(campus: Open, incidents: dict[str, Any]) -> None:
    beacon = incidents["beacon"]
    playbook = campus("detection/blocklist_match")
    flows, names = playbook.press("Match", "listed_flows", "listed_names")
    (row,) = flows
    assert (row["our_ip"], row["listed_ip"], row["flows"]) == (beacon["source"], beacon["destination"], str(beacon["count"]))
    assert (row["direction"], row["contact"], row["port_is_listed"]) == ("called it", "both ways", "true")
    assert (row["list"], row["list_date"], row["entry"]) == ("c2", "2024-02-05", beacon["destination"])
    assert int(row["sent"] or 0) > 0 and int(row["received"] or 0) > 0, "bytes both ways"
    asked = {(beacon["domain"], kind, str(beacon["count"])) for kind in ("looked up", "TLS server")}
    assert {(row["name"], row["kind"], row["count"]) for row in names} == asked
    assert {(row["list"], row["listed"], row["list_date"]) for row in names} == {("domains", "update-check.test", "2024-02-05")}
    playbook.fill(host=beacon["source"])
    (destinations,) = playbook.press("List its destinations", "destinations")
    assert [(row["dst_ip"], row["is_listed"]) for row in destinations] == [(beacon["destination"], "true")]


def test_what_is_on_no_list_yet_can_be_pasted(campus: Open, incidents: dict[str, Any]) -> None:
    beacon = incidents["beacon"]
    playbook = campus("detection/blocklist_match")
    playbook.fill(lists=["domains"])
    flows, names = playbook.press("Match", "listed_flows", "listed_names")
    assert flows == [] and {row["list"] for row in names} == {"domains"}
    playbook.fill(lists=[], addresses=f"{beacon['destination']}, 233.252.0.0/24", domains="update-check[.]test, x_check.test, other.test")
    flows, names = playbook.press("Match", "listed_flows", "listed_names")
    (row,) = flows
    assert (row["our_ip"], row["list"], row["list_date"]) == (beacon["source"], "pasted", None)
    assert {(row["name"], row["listed"], row["list"]) for row in names} == {(beacon["domain"], "update-check.test", "pasted")}


IN_10K, IN_1M, IN_NAMES = "DOMAIN IN TOP 10K LIST", "DOMAIN IN TOP 1M LIST", "SUBDOMAIN IN TOP LIST"


def test_the_beacon_visits_what_nobody_knows(campus: Open, incidents: dict[str, Any]) -> None:
    beacon = incidents["beacon"]
    playbook = campus("incident_handling/visited_domains")
    playbook.fill(hosts=beacon["source"])
    ((row,),) = playbook.press("Get domains", "visited")
    assert (row["SUBDOMAIN"], row["hosts"]) == (beacon["domain"], "1")
    assert row["visits"] == str(beacon["count"] + beacon["dns_queries"]) and row["never_resolved"] == "false"
    assert [row[column] for column in (IN_10K, IN_1M, IN_NAMES)] == ["false"] * 3
    playbook.fill(hosts="")
    (rows,) = playbook.press("Get domains", "visited")
    known = [any(row[column] == "true" for column in (IN_10K, IN_1M, IN_NAMES)) for row in rows]
    assert known == sorted(known) and beacon["domain"] in {row["SUBDOMAIN"] for row in rows if row["hosts"] == "1"}
    assert 1 < known.count(False) < 100 < known.count(True), "among harmless names that nobody knows"
    assert not [row for row in rows if (row["SUBDOMAIN"] or "").endswith("campus.example")], "own domains are left out"


# What the demo data does not have.

NOON = datetime(2024, 2, 5, 12, tzinfo=UTC)
TCP, UDP = 6, 17


def moment(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def picked(text: str) -> dict[str, int]:
    """A moment as the picker sends it, in the zone of this machine."""
    at = datetime.fromisoformat(text).replace(tzinfo=UTC).astimezone()
    day = {"year": at.year, "month": at.month - 1, "date": at.day}
    return day | {"hours": at.hour, "minutes": at.minute, "seconds": at.second, "milliseconds": 0}


def flow(at: float, src: str, dst: str, port: int, **more: Any) -> dict[str, Any]:
    """A finished TCP session of a few kilobytes, unless told otherwise."""
    duration = more.pop("duration_s", 1.0)
    return {
        "start_time": moment(at), "end_time": moment(at + duration), "duration_s": duration,
        "src_ip": src, "dst_ip": dst, "src_port": 50_000, "dst_port": port, "protocol": TCP,
        "packets": 20, "bytes": 3_000, "rev_packets": 20, "rev_bytes": 3_000, "tcp_flags": 27, "rev_tcp_flags": 27,
    } | more  # fmt: skip


def planted_flows() -> list[dict[str, Any]]:
    probe = {"packets": 1, "bytes": 60, "rev_packets": 1, "rev_bytes": 40, "tcp_flags": 2, "rev_tcp_flags": 20}
    vertical = [flow(port, "10.1.1.1", "10.1.1.2", port, **probe) for port in range(1, 61)]
    vertical[21] |= {"rev_tcp_flags": 18}
    # Of a collector that knows one direction a flow: what a server answers to many ports of a client is no scan.
    one_way = {"packets": 1, "bytes": 60, "rev_packets": None, "rev_bytes": None, "tcp_flags": 18, "rev_tcp_flags": None}
    answers = [flow(n, "10.1.6.1", "10.1.6.2", 40_000 + n, **one_way) for n in range(60)]
    guess = {"packets": 15, "bytes": 2_000, "rev_packets": 15, "rev_bytes": 2_500}
    guesses = [flow(20 * n, "10.1.1.3", "10.1.1.4", 22, **guess) for n in range(40)]
    guesses.append(flow(900, "10.1.1.3", "10.1.1.4", 22, packets=900, bytes=90_000, rev_bytes=500_000, duration_s=600.0))
    # An administrator who had been there before is no success of the guesses.
    guesses.append(flow(-900, "10.1.1.5", "10.1.1.6", 22, packets=900, bytes=90_000, rev_bytes=500_000))
    guesses += [flow(20 * n, "10.1.1.5", "10.1.1.6", 22, **guess) for n in range(35)]
    movement = [
        flow(-7300, "10.1.2.1", "10.1.2.2", 3389),
        flow(-7200, "10.1.2.2", "10.1.2.9", 3389),
        flow(0, "10.1.2.1", "10.1.2.2", 3389),
        # On to the next, back to the first, to one from before, and much later.
        flow(600, "10.1.2.2", "10.1.2.3", 3389),
        flow(700, "10.1.2.2", "10.1.2.1", 3389),
        flow(800, "10.1.2.2", "10.1.2.9", 3389),
        flow(4000, "10.1.2.2", "10.1.2.4", 3389),
    ]
    answer = {"protocol": UDP, "src_port": 53, "packets": 500, "bytes": 700_000, "rev_packets": 0, "rev_bytes": 0}
    sources = [f"192.0.2.{n}" for n in range(1, 201)]
    flood = [flow(60 * minute + 5, source, "10.1.3.1", 80, **answer) for minute in (10, 11, 12) for source in sources]
    usual = [flow(60 * minute, "192.0.2.250", "10.1.3.1", 80) for minute in range(20)]
    # One loud minute alone is none.
    loud = [flow(605, source, "10.1.3.2", 80, **answer) for source in sources]
    upload = [flow(0, "10.1.4.1", "198.51.100.1", 443, bytes=30_000_000, packets=30_000, duration_s=7_200.0)]
    fetched = [flow(0, "198.51.100.2", "10.1.4.2", 443, rev_bytes=40_000_000, rev_packets=40_000)]
    return vertical + answers + guesses + movement + flood + usual + loud + upload + fetched


def planted_questions() -> list[dict[str, Any]]:
    asked = {"id.orig_h": "10.1.5.1", "qtype_name": "TXT", "rcode_name": "NOERROR"}
    return [{"ts": moment(n), "query": f"{n:032x}.tunnel.example", **asked} for n in range(120)]


def kernel_on(folder: Path, **locations: Path | str) -> Kernel:
    """A kernel whose sources are these files."""
    config = folder / "flowdeck.toml"
    config.write_text("\n".join(f"[sources.{name}]\nlocation = '{location}'\n" for name, location in locations.items()))
    return Kernel(env={"FLOWDECK_CONFIG": str(config)})


@pytest.fixture(scope="module")
def planted_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontEnd]:
    """A kernel whose sources have what the demo data has not."""
    folder = tmp_path_factory.mktemp("planted")
    for name, rows in {"flows": planted_flows(), "zeek_dns": planted_questions()}.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with kernel_on(folder, flows="flows.jsonl", zeek_dns="zeek_dns.jsonl") as kernel:
        yield FrontEnd(kernel)


@pytest.fixture
def planted(planted_page: FrontEnd) -> Iterator[Open]:
    yield from opener(planted_page)


def test_many_ports_of_one_host(planted: Open) -> None:
    horizontal, vertical = planted("detection/scans").press("Find scans", "scans", "vertical_scans")
    assert horizontal == []
    (row,) = vertical
    assert (row["src_ip"], row["dst_ip"]) == ("10.1.1.1", "10.1.1.2")
    assert (row["ports"], row["answered"], row["refused"]) == ("60", "1", "59")


def test_a_password_found_over_ssh(planted: Open) -> None:
    playbook = planted("detection/password_guessing")
    playbook.fill(service="SSH")
    (guessing,) = playbook.press("Find guessing", "guessing")
    found = [(row["src_ip"], row["guesses"], row["sessions"], row["success_hint"]) for row in guessing]
    assert found == [("10.1.1.3", "40", "41", moment(900)), ("10.1.1.5", "35", "36", None)]
    playbook.fill(guesses_at_least=36)
    (guessing,) = playbook.press("Find guessing", "guessing")
    assert [row["src_ip"] for row in guessing] == ["10.1.1.3"]


@pytest.mark.parametrize(("host", "signs"), [("10.1.1.3", 2), ("10.1.1.5", 1)])
def test_the_card_says_whether_a_guess_may_have_fitted(planted: Open, host: str, signs: int) -> None:
    playbook = planted("host_card")
    playbook.fill(host=host)
    found, _ = playbook.press("Show the host", "host_signs", "host_hours")
    expected = ["tried passwords over ssh", "a larger session followed, ssh"][:signs]
    assert [row["sign"] for row in found] == expected
    # There is no zeek_ssl here: that costs the section which reads it, and is said there.
    playbook.page.until(lambda: playbook.status("host_names") == "the query did not run", "the failure")


def test_passwords_that_were_really_guessed(tmp_path: Path) -> None:
    """A capture of Zeek's own tests: eleven logins at one SSH server within a minute."""
    with kernel_on(tmp_path, flows=paths.SAMPLES / "pcap" / "sshguess.pcap") as kernel:
        playbook = Playbook(FrontEnd(kernel), "detection/password_guessing")
        playbook.fill(service="SSH", guesses_at_least=10)
        playbook.fill(start_time=picked("2015-03-30T00:00:00"))
        ((row,),) = playbook.press("Find guessing", "guessing")
    assert (row["src_ip"], row["dst_ip"], row["guesses"], row["sessions"]) == ("192.168.56.1", "192.168.56.103", "11", "11")
    assert row["success_hint"] is None


def test_from_one_host_to_the_next(planted: Open) -> None:
    playbook = planted("detection/lateral_movement")
    playbook.fill(after_from=picked("2024-02-05T12:00:00"))
    playbook.fill(after_to=picked("2024-02-05T15:00:00"))
    (chains,) = playbook.press("Find chains", "chains")
    assert [(row["from_ip"], row["through_ip"], row["to_ip"]) for row in chains] == [("10.1.2.1", "10.1.2.2", "10.1.2.3")]
    assert (chains[0]["came"], chains[0]["went_on"]) == (moment(0), moment(600))
    playbook.fill(within="2h")
    (chains,) = playbook.press("Find chains", "chains")
    assert [row["to_ip"] for row in chains] == ["10.1.2.3", "10.1.2.4"]


def test_a_flood_is_two_loud_minutes(planted: Open) -> None:
    playbook = planted("detection/ddos_victim")
    ((row,),) = playbook.press("Find floods", "floods")
    assert (row["dst_ip"], row["since"], row["loud_minutes"]) == ("10.1.3.1", moment(600), "2"), "the third is as usual by then"
    assert (row["peak_sources"], row["peak_mbit_s"]) == ("201", "18.7")
    playbook.fill(victim="10.1.3.1")
    course, senders = playbook.press("Show the course", "course", "flood_sources")
    assert len(course) == 20 and max(int(row["flows"] or 0) for row in course) == 201
    assert {row["src_ip"] for row in senders if row["amplified"] == "false"} == {"192.0.2.250"} and len(senders) == 201


def test_an_upload_and_a_long_connection(planted: Open) -> None:
    playbook = planted("detection/exfiltration")
    (uploads,) = playbook.press("Find uploads", "uploads")
    taken = [("10.1.4.1", "198.51.100.1")]
    assert [(row["our_ip"], row["outside_ip"]) for row in uploads if row["marked"] == "true"] == taken
    assert uploads[0]["balance"] == "1.0"
    playbook.fill(begun_by="anybody")
    (uploads,) = playbook.press("Find uploads", "uploads")
    taken.insert(0, ("10.1.4.2", "198.51.100.2"))
    assert [(row["our_ip"], row["outside_ip"]) for row in uploads if row["marked"] == "true"] == taken
    (connections,) = playbook.press("Find long connections", "long_connections")
    assert [(row["our_ip"], row["length"]) for row in connections] == [("10.1.4.1", "2 h")]


def test_a_tunnel_in_names(planted: Open) -> None:
    playbook = planted("detection/dns_tunnelling")
    ((row,),) = playbook.press("Find tunnels", "tunnels")
    assert (row["src_ip"], row["domain"], row["names"]) == ("10.1.5.1", "tunnel.example", "120")
    assert (row["severity"], row["new_names"], row["data_types"]) == ("worth a look", "100.0", "100.0")


@pytest.fixture
def visited(tmp_path: Path) -> Iterator[tuple[Playbook, Services]]:
    """The playbook on visits of our own, with services on this machine."""
    with services(per_minute=4) as server:
        config = visits.write(tmp_path, server)
        with Kernel(env={"FLOWDECK_CONFIG": str(config), **ENVIRONMENT}) as kernel:
            yield Playbook(FrontEnd(kernel), "incident_handling/visited_domains"), server


def test_which_domains_are_on_which_list(visited: tuple[Playbook, Services]) -> None:
    playbook, server = visited
    playbook.fill(hosts="10.1.7.1, 10.1.7.3", own_domains="")
    (rows,) = playbook.press("Get domains", "visited")
    listed = {(row["DOMAIN"], row["SUBDOMAIN"]): ",".join(row[column] or "" for column in (IN_10K, IN_1M, IN_NAMES)) for row in rows}
    assert listed["gvt2.com", "beacons.gcp.gvt2.com"] == "false,true,true"
    assert listed["muni.cz", "kb.csirt.muni.cz"] == "true,true,false"
    assert listed["example.com", "evil.example.com"] == "false,false,false" and len(listed) == 6
    found = by(rows, "SUBDOMAIN")
    assert found["beacons.gcp.gvt2.com",]["visits"] == "2", "asked for and connected to"
    assert {row["SUBDOMAIN"] for row in rows if row["never_resolved"] == "true"} == {"never.unknown-9.com"}
    assert server.paths == [], "nobody was asked yet"


def test_the_quota_is_told_before_anybody_is_asked(visited: tuple[Playbook, Services]) -> None:
    playbook, server = visited
    playbook.fill(hosts="10.1.7.2")
    playbook.press("Get domains", "visited")
    assert not playbook.may_press("Ask VirusTotal"), "not before the quota was told"
    ((plan,),) = playbook.press("Check the quota", "question")
    assert (plan["plan"], plan["quota"]) == ("37 names, 4/min → about 9 min", "37 of the 500 left today")
    assert (plan["to_ask"], plan["answered_before"], plan["never_sent"], plan["minutes"]) == ("37", "0", "0", "9")
    assert playbook.may_press("Ask VirusTotal") and server.paths == []


def test_what_virustotal_says_of_the_unknown(visited: tuple[Playbook, Services]) -> None:
    playbook, server = visited
    playbook.fill(hosts="10.1.7.1")
    playbook.press("Get domains", "visited")
    ((plan,),) = playbook.press("Check the quota", "question")
    assert (plan["plan"], plan["quota"], plan["never_sent"]) == ("2 names, 4/min → at once", "2 of the 500 left today", "1")
    for kept in ("false", "true"):
        (rows,) = playbook.press("Ask VirusTotal", "verdicts")
        assert [(row["name"], row["status"], row["malicious"]) for row in rows] == [
            ("evil.example.com", "found", "12"),
            ("intranet.corp.example.com", "not asked", None),
            ("notfound.example.com", "not found", None),
        ]
        assert rows[1]["reason"] == "it is an internal name, which is never sent"
        assert {row["from_cache"] for row in rows if row["status"] != "not asked"} == {kept}
    assert server.calls == {"evil.example.com": 1, "notfound.example.com": 1}, "each once, and nothing of the lists"
    ((plan,),) = playbook.press("Check the quota", "question")
    assert (plan["plan"], plan["answered_before"], plan["used_today"]) == ("nothing to ask", "2", "2")
    playbook.fill(sub_domain="Evil[.]example[.]com")
    (rows,) = playbook.press("Look up", "single_domain")
    assert [(row["name"], row["status"], row["malicious"]) for row in rows] == [
        ("evil.example.com", "found", "12"),
        ("example.com", "found", "0"),
    ]
    playbook.fill(sub_domain="muni.cz")
    ((row,),) = playbook.press("Look up", "single_domain")
    assert (row["rank_of_domain"], row["rank_of_name"], row["status"]) == ("5000", None, "found")
    everything = repr(playbook.page.kernel.iopub) + repr(playbook.page.models)
    assert "evil.example.com" in everything
    assert not [key for key in KEYS.values() if key in everything], "no key ever reaches the page"
