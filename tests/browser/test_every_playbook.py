"""Every playbook in Voilà, as a person who does not program uses it: fill in, click, wait, read the table.

That all of a playbook's answers are right is tested in tests/notebooks; here a person must be able to get at them.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from harness import paths
from harness.browser import Voila, VoilaPage
from harness.table_view import TableView
from playwright.sync_api import Browser, expect

Incidents = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Visit:
    """What a person enters, presses, and reads in the first row of the first table."""

    button: str
    first_row: Callable[[Incidents], dict[str, str]]
    fill: Callable[[Incidents], dict[str, str]] = field(default=lambda _: {})


def _harmless(incidents: Incidents, *kinds: str) -> str:
    """Who looks like an attacker and is none."""
    return ", ".join(source for kind in kinds for source in incidents[kind]["sources"])


def _compromised(incidents: Incidents) -> str:
    return incidents["rdp_password_guessing"]["compromised_host"]


def _beacon(incidents: Incidents, **columns: str) -> dict[str, str]:
    """Columns of the beacon, by what they are called in the ground truth."""
    return {column: str(incidents["beacon"][name]) for column, name in columns.items()}


VISITS = {
    "detection/scans": Visit(
        "Find scans",
        lambda incidents: {"src_ip": incidents["horizontal_scan"]["attacker"]},
        lambda incidents: {"Known scanners": _harmless(incidents, "vulnerability_scanner")},
    ),
    "detection/password_guessing": Visit(
        "Find guessing",
        lambda incidents: {
            "src_ip": incidents["rdp_password_guessing"]["attacker"],
            "dst_ip": _compromised(incidents),
            "success_hint": incidents["rdp_password_guessing"]["success"]["start"],
        },
    ),
    "detection/beaconing": Visit(
        "Find beacons",
        lambda incidents: _beacon(incidents, src_ip="source", dst_ip="destination", calls="count"),
        lambda incidents: {"Known": _harmless(incidents, "uptime_check", "time_sync")},
    ),
    "detection/new_destinations": Visit(
        "Find new destinations", lambda incidents: _beacon(incidents, src_ip="source", dst_ip="destination", flows="count")
    ),
    "detection/lateral_movement": Visit(
        "Find movement", lambda incidents: {"src_ip": incidents["horizontal_scan"]["attacker"]}
    ),
    "detection/exfiltration": Visit("Find uploads", lambda _: {"begun_by": "us", "marked": "false"}),
    "detection/dns_tunnelling": Visit("Find tunnels", lambda _: {"severity": ""}),
    "detection/ddos_victim": Visit("Find floods", lambda _: {}),
    "detection/blocklist_match": Visit(
        "Match",
        lambda incidents: _beacon(incidents, our_ip="source", listed_ip="destination", flows="count"),
        lambda incidents: {"Addresses": incidents["beacon"]["destination"]},
    ),
    "host_card": Visit(
        "Show the host", lambda _: {"fact": "first seen"}, lambda incidents: {"Host": _compromised(incidents)}
    ),
    "incident_handling/connections_flows_ips": Visit(
        "Get IP flows",
        lambda incidents: {"src_ip": incidents["rdp_password_guessing"]["attacker"], "dst_ip": _compromised(incidents)},
        lambda incidents: {
            "Src IP": incidents["rdp_password_guessing"]["attacker"],
            "Dst IP": _compromised(incidents),
        },
    ),
    "incident_handling/visited_domains": Visit(
        "Get domains",
        lambda incidents: {"SUBDOMAIN": incidents["beacon"]["domain"], "DOMAIN IN TOP 1M LIST": "false"},
        lambda incidents: {"Hosts": incidents["beacon"]["source"]},
    ),
}

PLAYBOOKS = sorted(
    str(path.relative_to(paths.NOTEBOOKS).with_suffix(""))
    for folder in ("detection", "incident_handling")
    for path in (paths.NOTEBOOKS / folder).glob("*.ipynb")
) + ["host_card"]


def _file(playbook: str) -> str:
    return playbook.replace("/", "-") + ".ipynb"


@pytest.fixture(scope="module")
def incidents() -> Incidents:
    truth = json.loads((paths.DEMO_DATA / "ground-truth.json").read_text())
    return {event["kind"]: event for event in truth["incidents"] + truth["benign"]}


@pytest.fixture(scope="module")
def voila() -> Iterator[Voila]:
    notebooks = {_file(name): json.loads((paths.NOTEBOOKS / f"{name}.ipynb").read_text()) for name in PLAYBOOKS}
    with Voila(notebooks=notebooks) as voila:
        yield voila


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_person_gets_the_answer(browser: Browser, voila: Voila, incidents: Incidents, playbook: str) -> None:
    visit = VISITS[playbook]
    with VoilaPage(browser, voila, _file(playbook)) as page:
        expect(page.button(visit.button)).to_be_enabled()
        for label, value in visit.fill(incidents).items():
            page.field(label).first.fill(value)
            page.field(label).first.press("Enter")
        page.button(visit.button).first.click()
        table = TableView(page, page.page.locator("body"))
        expect(table.root.locator(".fd-count")).to_contain_text("row")
        for column, value in visit.first_row(incidents).items():
            expect(table.cell(0, column)).to_have_text(value)
        table.root.scroll_into_view_if_needed()
        page.screenshot(f"playbook-{playbook.replace('/', '-')}")
