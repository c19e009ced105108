"""`flowdeck collect` and `flowdeck import`: flows from the network and from files into a store, and nothing half."""

import csv
import io
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import paths

FLOWDECK = paths.TARGET / "debug" / "flowdeck"
CAPTURES = paths.SAMPLES / "pcap"
FLOW = "src_ip, dst_ip, src_port, dst_port, protocol, packets, bytes, tcp_flags, icmp_type, icmp_code"


def flowdeck(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([FLOWDECK, *arguments], capture_output=True, text=True, timeout=120)


def rows(query: str) -> list[list[str]]:
    done = flowdeck("sql", query, "--format", "csv")
    assert done.returncode == 0, done.stderr
    return list(csv.reader(io.StringIO(done.stdout)))[1:]


class Collector:
    """A collector on a free port of this machine."""

    def __init__(self, store: Path, *options: str) -> None:
        self.lines: list[str] = []
        command = [FLOWDECK, "collect", "--listen", "127.0.0.1:0", "--store", str(store), *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.port = int(re.search(r"listening on 127\.0\.0\.1:(\d+)", self.wait_for("listening on")).group(1))

    def wait_for(self, text: str) -> str:
        for line in self.process.stderr:
            self.lines.append(line)
            if text in line:
                return line
        pytest.fail(f"the collector ended without `{text}`: {''.join(self.lines)}")

    def end(self, how: int = signal.SIGTERM) -> str:
        self.process.send_signal(how)
        _, rest = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, rest
        return "".join(self.lines) + rest


def softflowd(capture: Path, port: int, version: str, *options: str) -> str:
    # Debian puts it where only root's PATH leads.
    program = shutil.which("softflowd", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "softflowd is missing: scripts/setup.sh softflowd"
    command = [program, "-r", str(capture), "-n", f"127.0.0.1:{port}", "-v", version, "-d", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("capture", ["sshguess.pcap", "ipfixprobe-http.pcap", "ipfixprobe-dns.pcap", "rdp-to-ssl.pcap"])
def test_softflowd_exports_are_collected_alike_in_all_versions(tmp_path: Path, capture: str) -> None:
    flows, times = {}, {}
    for version in ("5", "9", "10"):
        store = tmp_path / version
        collector = Collector(store)
        said = softflowd(CAPTURES / capture, collector.port, version)
        report = collector.end()
        flows[version] = sorted(rows(f"SELECT {FLOW} FROM read_flows('{store}')"))
        spread = f"SELECT max(end_time) - min(start_time) > interval '0 seconds' FROM read_flows('{store}')"
        times[version] = rows(spread)
        exported = int(re.search(r"Flows exported: \d+ \((\d+) records\)", said).group(1))
        assert len(flows[version]) == exported > 0, said
        assert re.search(rf"127\.0\.0\.1: \d+ datagrams, {exported} flows\n", report), report
        assert ": 0 lost" in report and "could not" not in report, report
    assert flows["5"] == flows["9"] == flows["10"]
    assert times["5"] == times["9"] == times["10"] == [["true"]]


def test_softflowd_counts_what_is_in_the_capture(tmp_path: Path) -> None:
    collector = Collector(tmp_path / "store")
    softflowd(CAPTURES / "sshguess.pcap", collector.port, "9")
    collector.end()
    collected = rows(f"SELECT sum(packets), sum(bytes) FROM read_flows('{tmp_path / 'store'}')")
    read = rows(
        f"SELECT sum(packets + rev_packets), sum(bytes + rev_bytes) FROM read_flows('{CAPTURES / 'sshguess.pcap'}')"
    )
    assert collected == read


def v5(sequence: int, count: int = 1) -> bytes:
    """A datagram of flows that began and ended at boot, an hour before 2024-02-05 13:30 UTC."""
    header = struct.pack("!HHIIIIHH", 5, count, 3_600_000, 1_707_139_800, 0, sequence, 0, 0)
    record = struct.pack(
        "!4s4s4sHHIIIIHHBBBBHHBBH",
        *(socket.inet_aton(address) for address in ("192.0.2.1", "192.0.2.2", "0.0.0.0")),
        1, 2, 3, 300, 1000, 2000, 50000, 443, 0, 0x1B, 6, 0, 0, 0, 24, 24, 0,
    )
    return header + record * count


def send(port: int, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, ("127.0.0.1", port))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_what_has_come_is_written_at_the_end(tmp_path: Path, how: int) -> None:
    collector = Collector(tmp_path)
    send(collector.port, v5(0, 2), v5(7), b"no export", v5(8)[:-5])
    report = collector.end(how)
    assert "4 flows written" not in report and "3 flows written" in report, report
    assert "4 datagrams, 3 flows, 2 could not be decoded" in report, report
    assert "NetFlow v5 domain 0: 5 lost, 0 late, 0 restarts" in report, report
    assert [name.name[:19] for name in tmp_path.iterdir()] == ["flows-2024-02-05T12"]
    assert rows(f"SELECT start_time, exporter_ip, bytes FROM read_flows('{tmp_path}') LIMIT 1") == [
        ["2024-02-05T12:30:01Z", "127.0.0.1", "300"]
    ]


def test_flows_are_written_while_it_runs_and_a_kill_leaves_nothing_half(tmp_path: Path) -> None:
    collector = Collector(tmp_path, "--flush", "1")
    send(collector.port, v5(0))
    collector.wait_for("wrote 1 flows to 1 files")
    assert rows(f"SELECT count(*) FROM read_flows('{tmp_path}')") == [["1"]]
    collector.process.kill()
    collector.process.wait()
    half = tmp_path / f".flows-2024-02-05T12-x-p{collector.process.pid}.parquet.tmp"
    half.write_bytes(b"half")
    # Two parts of an hour that is long over are merged by the next collector.
    again = Collector(tmp_path, "--flush", "1")
    assert not half.exists(), "what the killed one left is gone"
    send(again.port, v5(0))
    again.wait_for("merged 1 hours")
    again.end()
    assert len(list(tmp_path.iterdir())) == 1
    assert rows(f"SELECT count(*) FROM read_flows('{tmp_path}')") == [["2"]]


def hours(folder: Path, count: int) -> Path:
    """Flows of many hours, so that an import writes and names many files."""
    path = folder / "flows.csv"
    lines = ["start_time,src_ip,dst_ip,bytes"]
    for number in range(count):
        day, hour = 1 + number % 720 // 24, number % 24
        lines.append(f"2024-01-{day:02}T{hour:02}:00:00Z,10.0.{number // 250 % 250}.{number % 250},10.9.9.9,{number}")
    path.write_text("\n".join(lines) + "\n")
    return path


def what_is_there(store: Path) -> tuple[set[str], set[str]]:
    """Names of files that queries see, and of those that they do not."""
    names = {path.name for path in store.iterdir()} if store.exists() else set()
    hidden = {name for name in names if name.startswith(".")}
    return names - hidden, hidden


def test_an_import_that_is_killed_leaves_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    flows, files = 12_000, 720
    source = hours(tmp_path, flows)
    # Killed when it has begun to write, in the middle, and while its files appear.
    moments = [
        lambda seen, hidden: hidden and not seen,
        lambda seen, hidden: len(hidden) > files / 3 and not seen,
        lambda seen, hidden: 0 < len(seen) < files,
    ]
    for number, has_come in enumerate(moments):
        store = killed_at(has_come, source, tmp_path / f"store-{number}")
        seen, _ = what_is_there(store)
        if seen:
            # What has appeared is whole; only not all of it.
            assert 0 < int(rows(f"SELECT count(*) FROM read_flows('{store}')")[0][0]) < flows
        again = flowdeck("import", str(source), "--store", str(store))
        assert again.returncode == 0, again.stderr
        seen, hidden = what_is_there(store)
        assert (len(seen), hidden) == (files, set()), number
        assert rows(f"SELECT count(*), count(DISTINCT bytes) FROM read_flows('{store}')") == [[str(flows)] * 2]


def killed_at(has_come: Callable[[set[str], set[str]], object], source: Path, store: Path) -> Path:
    """A store whose import was killed at the moment wanted. Such a moment may be over before it is seen: then anew."""
    for attempt in range(20):
        place = store.with_name(f"{store.name}-{attempt}")
        process = subprocess.Popen([FLOWDECK, "import", str(source), "--store", str(place)], stderr=subprocess.PIPE)
        while process.poll() is None:
            if has_come(*what_is_there(place)):
                # It stands still before it is looked at again.
                process.send_signal(signal.SIGSTOP)
                if has_come(*what_is_there(place)):
                    break
                process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()
        if process.returncode == -signal.SIGKILL:
            return place
    raise AssertionError("the moment never came")


def test_an_import_says_what_the_source_left_out(tmp_path: Path) -> None:
    good = "#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\n#types\ttime\taddr\taddr\n"
    (tmp_path / "a.log").write_text(good + "1.5\t10.0.0.1\t10.0.0.2\nsoon\t10.0.0.1\t10.0.0.2\n")
    (tmp_path / "b.log").write_text("Dear all,\n")
    done = flowdeck("import", str(tmp_path / "*.log"), "--store", str(tmp_path / "store"))
    assert done.returncode == 0 and "imported 1 flows" in done.stderr, done.stderr
    assert "a.log, line 6: `ts` is `soon`" in done.stderr and "b.log` is not a log" in done.stderr, done.stderr


def test_import_takes_any_source_and_shows_the_store(tmp_path: Path) -> None:
    store = tmp_path / "store"
    capture = CAPTURES / "ipfixprobe-mixed.pcap"
    everything = flowdeck("import", str(capture), "--store", str(store))
    assert everything.returncode == 0, everything.stderr
    assert "imported 51 flows into 1 files" in everything.stderr
    assert re.search(r"store .*: 1 files, .*B, hours from 2016-10-28 17:00 to .* UTC, kept for ever", everything.stderr)
    assert rows(f"SELECT count(*) FROM read_flows('{store}')") == [["51"]]

    window = flowdeck(
        "import", str(capture), "--from", "2016-10-28T17:05", "--to", "2016-10-28T17:10", "--store", str(tmp_path / "part")
    )
    expected = rows(
        f"SELECT count(*) FROM read_flows('{capture}') WHERE start_time >= timestamptz '2016-10-28T17:05:00Z' "
        "AND start_time < timestamptz '2016-10-28T17:10:00Z'"
    )
    assert f"imported {expected[0][0]} flows" in window.stderr and expected != [["0"]]

    shown = flowdeck("import", "--store", str(store))
    assert shown.returncode == 0 and "1 files" in shown.stderr
    kept = flowdeck("import", "--store", str(store), "--keep", "30")
    assert "removed 1 old files" in kept.stderr and "0 files, 0 bytes, kept for 30 days" in kept.stderr


@pytest.mark.parametrize(
    "arguments, fact",
    [
        (["import", "nowhere/*.pcap", "--store", "STORE"], "nowhere"),
        (["import", "--store", "STORE/none"], "there is no store"),
        (["import", "x.pcap", "--from", "2024-02-06", "--to", "2024-02-05", "--store", "STORE"], "is not before"),
        (["import", "x.pcap", "--from", "yesterday", "--store", "STORE"], "2024-02-05T10:00"),
        (["collect", "--listen", "localhost", "--store", "STORE"], "0.0.0.0:2055"),
        (["collect", "--listen", "192.0.2.1:2055", "--store", "STORE"], "could not listen on 192.0.2.1:2055"),
    ],
)
def test_errors_are_for_people(tmp_path: Path, arguments: list[str], fact: str) -> None:
    ended = flowdeck(*(argument.replace("STORE", str(tmp_path)) for argument in arguments))
    assert ended.returncode != 0 and fact in ended.stderr, ended.stderr
    assert "panicked" not in ended.stderr


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    collector = Collector(tmp_path)
    second = flowdeck("collect", "--listen", f"127.0.0.1:{collector.port}", "--store", str(tmp_path))
    assert second.returncode == 1 and "in use" in second.stderr, second.stderr
    collector.end()


def test_names_in_captures_are_tables(tmp_path: Path) -> None:
    dns = rows(f"SELECT query, answers FROM read_dns('{CAPTURES / 'ipfixprobe-dns.pcap'}') WHERE query_type = 'AAAA'")
    assert dns == [["google.com", "[2a00:1450:400d:806::200e]"]]
    assert len(rows(f"SELECT * FROM read_http('{CAPTURES / 'ipfixprobe-http.pcap'}')")) == 9
    joined = rows(
        f"SELECT count(*) FROM read_flows('{CAPTURES / 'ipfixprobe-tls.pcap'}') f "
        f"JOIN read_tls('{CAPTURES / 'ipfixprobe-tls.pcap'}') t USING (community_id) WHERE t.server_name = 'www.aktualne.cz'"
    )
    assert int(joined[0][0]) >= 1
    refused = flowdeck("sql", f"SELECT * FROM read_dns('{paths.zeek_conn_log()}')")
    assert refused.returncode == 1 and "no table of dns" in refused.stderr and "hint:" in refused.stderr
