"""The top talkers of a Zeek conn.log of a million rows: `flowdeck sql` against a Python script with pandas.

Whole processes, as an analyst at a terminal waits for them; the file is in the system's cache.
"""

import subprocess
import tempfile
import time
from itertools import cycle, islice, takewhile
from pathlib import Path

import psutil
from peak import Peak, resident_mib
from peers import TABLES, Peer
from samples import Sample

NAME = "zeek_read"
TITLE = "top talkers of a Zeek conn.log of a million rows, whole process"
ORDER = 70
UNIT = "ms"
NEEDS = {TABLES}
REPETITIONS = 5

ROWS = 1_000_000
QUERY = """SELECT src_ip, count(*) AS flows, sum(bytes) AS bytes FROM conn
GROUP BY src_ip ORDER BY bytes DESC, src_ip LIMIT 10"""
PANDAS = Path(__file__).parent.parent / "zeek_pandas.py"


def measure(run):
    log = run.folder / "conn.log"
    write_repeated(run.demo_data() / "zeek" / "conn.log", run.sized(ROWS), log)
    # The first run of each does not count: it brings program and libraries into the system's cache.
    answers = {peer.name: _ask(peer, log)[1] for peer in run.peers}
    assert len(set(answers.values())) == 1, f"the answers differ: {answers}"
    for _ in range(run.repetitions):
        for peer in run.peers:
            yield peer, _ask(peer, log)[0]


def write_repeated(log: Path, rows: int, longer: Path) -> None:
    """A log with that many rows: the given one's, as often as it takes. The demo data's logs are shorter."""
    lines = log.read_text().splitlines(keepends=True)
    header = list(takewhile(lambda line: line.startswith("#"), lines))
    body = [line for line in lines if not line.startswith("#")]
    with longer.open("w") as out:
        out.writelines(header)
        out.writelines(islice(cycle(body), rows))
        out.writelines(line for line in lines[-1:] if line.startswith("#close"))


def _ask(peer: Peer, log: Path) -> tuple[Sample, str]:
    """Time and peak memory of the process, and the CSV that it wrote."""
    argv = {
        "rust": [peer.program, "sql", "--format", "csv", "--source", f"conn={log}", QUERY],
        "python": [peer.program, str(PANDAS), str(log)],
    }[peer.language]
    with tempfile.TemporaryFile("w+") as answer:
        started = time.perf_counter()
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=answer, env=peer.environment())
        watched = psutil.Process(process.pid)
        with Peak(lambda: resident_mib(watched)) as peak:
            # Without a timeout: that would look only now and then.
            status = process.wait()
            elapsed = time.perf_counter() - started
        assert status == 0, f"{argv[:2]} ended with {status}"
        answer.seek(0)
        return Sample(elapsed * 1000, {"peak MiB": peak.mib}), answer.read()
