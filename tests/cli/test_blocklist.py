"""`flowdeck blocklist`: lists of what to beware of, in the formats in which they are published, updated by one command."""

import io
import json
import zipfile
from pathlib import Path

from harness import paths
from test_toplist import flowdeck, served

C2 = "\ufeff# Last updated: 2024-02-05 10:31:00 UTC\r\nip,port,date\r\n203.0.113.77,443,2024-02-04\r\n198.51.100.0/24,,2024-02-01\r\n"
HOSTS = "127.0.0.1 localhost\n0.0.0.0 update-check.test\n0.0.0.0 evil.example\n"


def zipped(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("hosts", text)
    return packed.getvalue()


def csv(config: Path, query: str) -> str:
    ran = flowdeck(config, "sql", query, "--format", "csv")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_lists_are_fetched_and_used(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "c2.csv").write_text(C2)
    (tmp_path / "hosts.zip").write_bytes(zipped(HOSTS))
    config = tmp_path / "flowdeck.toml"
    with served(mirror) as address:
        config.write_text(
            f"[blocklists.c2]\nfile = 'lists/c2.csv'\nsource = '{address}/c2.csv?token=s3cr3t'\n"
            "[blocklists.domains]\nfile = 'lists/domains'\nsource = 'hosts.zip'\n"
        )
        before = flowdeck(config, "blocklist", "status")
        assert before.returncode == 1 and "cannot be used" in before.stderr and "flowdeck blocklist update" in before.stderr
        updated = flowdeck(config, "blocklist", "update")
        assert updated.returncode == 0, updated.stderr
        assert "c2.csv, 2 entries, made 2024-02-05" in updated.stderr and "domains, 2 entries" in updated.stderr
        assert "s3cr3t" not in updated.stderr + before.stderr
        (mirror / "c2.csv").write_text("<html>\n<body>moved</body>\n</html>\n")
        failed = flowdeck(config, "blocklist", "update", "c2")
        assert failed.returncode == 1 and "it is no blocklist" in failed.stderr and "as they were" in failed.stderr
    listed = (
        "SELECT v, blocklist(v)['list'] AS list, blocklist(v)['entry'] AS entry, blocklist(v)['list_date'] AS made "
        "FROM (VALUES ('203.0.113.77'), ('198.51.100.9'), ('cdn.Update-Check.test'), ('192.0.2.1'), ('localhost')) AS t(v) "
        "WHERE blocklist(v, 'c2, domains') IS NOT NULL AND v <> 'cdn.Update-Check.test' ORDER BY v"
    )
    assert csv(config, listed) == (
        "v,list,entry,made\n198.51.100.9,c2,198.51.100.0/24,2024-02-05\n203.0.113.77,c2,203.0.113.77,2024-02-05\n"
    )
    assert csv(config, "SELECT blocklist('cdn.Update-Check.test')['entry'] AS entry") == "entry\nupdate-check.test\n"
    assert csv(config, "SELECT entry, ports FROM blocklist_entries('c2') WHERE kind = 'address'").startswith(
        "entry,ports\n203.0.113.77,"
    )
    refused = flowdeck(config, "sql", "SELECT blocklist('x', 'c3')")
    assert refused.returncode == 1 and "lists are c2, domains" in refused.stderr


def test_flows_of_the_demo_data_are_matched_with_its_lists() -> None:
    truth = json.loads((paths.DEMO_DATA / "ground-truth.json").read_text())
    (beacon,) = (incident for incident in truth["incidents"] if incident["kind"] == "beacon")
    matched = csv(
        paths.DEMO_DATA / "flowdeck.toml",
        "SELECT src_ip, dst_ip, blocklist(dst_ip)['list'] AS list, array_has(blocklist(dst_ip)['ports'], dst_port) AS port, count(*) AS n "
        "FROM flows WHERE blocklist(dst_ip) IS NOT NULL GROUP BY ALL",
    )
    assert matched == f"src_ip,dst_ip,list,port,n\n{beacon['source']},{beacon['destination']},c2,true,{beacon['count']}\n"


def test_what_is_not_configured_says_how(tmp_path: Path) -> None:
    config = tmp_path / "flowdeck.toml"
    config.write_text("")
    ended = flowdeck(config, "blocklist", "update")
    assert ended.returncode == 1 and "[blocklists.c2]" in ended.stderr
    ended = flowdeck(config, "sql", "SELECT blocklist('203.0.113.77')")
    assert ended.returncode == 1 and "hint: Name the list in flowdeck.toml" in ended.stderr
