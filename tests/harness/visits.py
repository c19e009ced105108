"""Visits to names that the demo data does not have, with top lists as they are published and services on this machine."""

import json
import zipfile
from pathlib import Path

from harness.services import Services

VISITS = {
    "10.1.7.1": ["beacons.gcp.gvt2.com", "KB.csirt.muni.cz.", "evil.example.com", "notfound.example.com", "intranet.corp.example.com"],
    "10.1.7.2": [f"n{number}.unknown-{number % 3}.com" for number in range(37)],
    # What never resolves.
    "10.1.7.3": ["never.unknown-9.com"],
}

# Tranco's ranking of domains, and Umbrella's of names.
LISTS = {
    "tranco.csv.zip": ["1,google.com", "5000,muni.cz", "20000,gvt2.com"],
    "umbrella.csv.zip": ["1,com", "2,www.google.com", "77,beacons.gcp.gvt2.com"],
}


def write(folder: Path, server: Services) -> Path:
    """Zeek's logs of these visits, the lists, and the configuration that names all."""
    rows = [
        {
            "ts": f"2024-02-05T12:00:{second:02}Z", "id.orig_h": host, "query": name, "qtype_name": "A",
            "rcode_name": "NXDOMAIN" if name.startswith("never.") else "NOERROR",
        }
        for host, names in VISITS.items()
        for second, name in enumerate(names)
    ]  # fmt: skip
    (folder / "dns.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tls = {"ts": "2024-02-05T12:00:03Z", "id.orig_h": "10.1.7.1", "server_name": "beacons.gcp.gvt2.com"}
    (folder / "ssl.jsonl").write_text(json.dumps(tls) + "\n")
    for name, lines in LISTS.items():
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("top-1m.csv", "\r\n".join(lines) + "\r\n")
    sources = "".join(f"[sources.zeek_{name}]\nlocation = '{name}.jsonl'\n" for name in ("dns", "ssl"))
    lists = "[toplist.domains]\nfile = 'tranco.csv.zip'\n[toplist.names]\nfile = 'umbrella.csv.zip'\n"
    config = folder / "flowdeck.toml"
    config.write_text(sources + lists + server.config())
    return config
