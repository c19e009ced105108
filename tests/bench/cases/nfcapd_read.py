"""The ten sources with most bytes of an nfcapd file of some millions of flows: `flowdeck sql` against nfdump.

Whole processes, as an analyst at a terminal waits for them; the file is in the system's cache. nfdump is asked in two
ways: for its own statistics, and for all flows as CSV, which is what other programs read. The file is the demo data's
flows, as often as it takes, in the layout of nfdump 1.7 with LZ4 blocks.
"""

import re
import shutil
import subprocess
import tempfile
import time

import psutil
from nfcapd_file import write_repeated
from peak import Peak, resident_mib
from peers import NFCAPD, Peer
from samples import Sample

NAME = "nfcapd_read"
TITLE = "ten sources with most bytes of an nfcapd file of four million flows, whole process"
ORDER = 75
UNIT = "ms"
NEEDS = {NFCAPD}
REPETITIONS = 5

ROWS = 4_000_000
QUERY = "SELECT src_ip, sum(bytes) AS bytes FROM flows GROUP BY src_ip ORDER BY bytes DESC, src_ip LIMIT 10"
# nfdump's statistics are one table of text; an address and, in the column of bytes, a number.
STATISTICS_LINE = re.compile(r"^\S+ \S+ .*? any +(?P<ip>[0-9a-f.:]+) +\d+\([ \d.]+\) +\d+\([ \d.]+\) +(?P<bytes>\d+)\(")


def measure(run):
    file = run.folder / "nfcapd.bench"
    write_repeated(run.demo_data(), run.sized(ROWS), file)
    [flowdeck] = run.peers
    commands = {flowdeck.name: [flowdeck.program, "sql", "--format", "csv", "--source", f"flows={file}", QUERY]}
    if nfdump := shutil.which("nfdump"):
        ask = [nfdump, "-r", str(file), "-N", "-n", "10"]
        commands["nfdump -s"] = [*ask, "-s", "srcip/bytes"]
        commands["nfdump -o csv"] = [nfdump, "-r", str(file), "-o", "csv"]
    else:
        print("   not measured: nfdump (it is not installed; scripts/setup.sh nfdump)")
    answers = {name: _ask(argv, flowdeck, keep=name != "nfdump -o csv")[1] for name, argv in commands.items()}
    _check(answers)
    for _ in range(run.repetitions):
        for name, argv in commands.items():
            yield Peer(name, "", "", argv), _ask(argv, flowdeck, keep=False)[0]


def _check(answers: dict[str, str]) -> None:
    ours = [tuple(line.split(",")) for line in answers["flowdeck"].splitlines()[1:]]
    assert len(ours) == 10, answers["flowdeck"]
    if "nfdump -s" in answers:
        found = [STATISTICS_LINE.match(line) for line in answers["nfdump -s"].splitlines()]
        theirs = [(match["ip"], match["bytes"]) for match in found if match]
        assert sorted(theirs) == sorted(ours), f"the answers differ: {theirs}, {ours}"


def _ask(argv: list[str], peer: Peer, *, keep: bool) -> tuple[Sample, str]:
    """Time and peak memory of the process, and what it wrote if that is to be kept."""
    with tempfile.TemporaryFile("w+") as answer:
        started = time.perf_counter()
        out = answer if keep else subprocess.DEVNULL
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, env=peer.environment()
        )
        watched = psutil.Process(process.pid)
        with Peak(lambda: resident_mib(watched)) as peak:
            # Without a timeout: that would look only now and then.
            status = process.wait()
            elapsed = time.perf_counter() - started
        assert status == 0, f"{argv[:2]} ended with {status}"
        answer.seek(0)
        return Sample(elapsed * 1000, {"peak MiB": peak.mib}), answer.read()
