"""`flowdeck sources`: what is configured, in a terminal; errors that name what to write; secrets that are never shown."""

import os
import subprocess
from pathlib import Path

import pytest
from harness import paths

FLOWDECK = paths.TARGET / "debug" / "flowdeck"
PLANTED = "s3cr3t-planted-by-a-test"
FLOWS = "start_time,src_ip,dst_ip,src_port,dst_port,protocol,bytes\n"


def flowdeck(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess:
    variables = {**os.environ, "FLOWDECK_CONFIG": str(folder / "flowdeck.toml"), **more}
    return subprocess.run(
        [FLOWDECK, *arguments], capture_output=True, text=True, timeout=120, cwd=folder, env=variables
    )


def flows(count: int, second: float) -> str:
    rows = (
        f"2024-01-01T00:{number // 60:02}:{number % 60:02}.{int(second * 1000):03}Z,10.0.0.{number % 250},192.0.2.1,"
        f"{20000 + number},443,6,100\n"
        for number in range(count)
    )
    return FLOWS + "".join(rows)


def configured(folder: Path, text: str) -> None:
    (folder / "flowdeck.toml").write_text(text)


def test_list_detail_and_test(tmp_path) -> None:
    (tmp_path / "a.csv").write_text(flows(30, 0))
    (tmp_path / "odd.csv").write_text("when;who;to\n2024-07-01 12:00:00;10.0.0.1;192.0.2.1\nnever;10.0.0.2;192.0.2.1\n")
    configured(
        tmp_path,
        """
        [sources.good]
        location = "a.csv"
        [sources.mapped]
        location = "odd.csv"
        time_zone = "Europe/Prague"
        columns = { start_time = "when", src_ip = "who", dst_ip = "to" }
        """,
    )
    listed = flowdeck(tmp_path, "sources")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert str(tmp_path / "flowdeck.toml") in listed.stdout
    lines = {line.split()[0]: line.split() for line in listed.stdout.splitlines() if line}
    assert lines["good"][1:4] == ["ready", "CSV", "1"] and lines["mapped"][1] == "ready"
    tested = flowdeck(tmp_path, "sources", "--test")
    lines = {line.split()[0]: line for line in tested.stdout.splitlines() if line}
    assert tested.returncode == 0 and "30  2024-01-01 00:00:00 – 2024-01-01 00:00:29" in lines["good"]
    assert "value_unreadable (1)" in tested.stdout
    one = flowdeck(tmp_path, "sources", "MAPPED", "--test").stdout
    assert "Europe/Prague" in one and "start_time from when" in one and "start_time 50 %" in one
    query = "SELECT start_time FROM mapped WHERE src_ip = '10.0.0.1'"
    assert "2024-07-01T10:00:00Z" in flowdeck(tmp_path, "sql", query, "--format", "csv").stdout


def test_what_is_wrong_is_explained(tmp_path) -> None:
    (tmp_path / "flows.csv").write_text(flows(3, 0))
    configured(
        tmp_path,
        """
        [sources.good]
        location = "flows.csv"
        [sources.gone]
        location = "flow.csv"
        [sources.other]
        location = "flows.csv"
        connector = "zeek"
        """,
    )
    listed = flowdeck(tmp_path, "sources")
    assert listed.returncode == 1 and "ready" in listed.stdout, "one broken source costs itself alone"
    assert "flows.csv" in listed.stdout and "Did you mean" in listed.stdout
    assert "is not a Zeek log, as its source says: it holds CSV" in listed.stdout
    (tmp_path / "twice.toml").write_text('[sources.Good]\nlocation = "flows.csv"\n[sources.good]\nlocation = "flows.csv"\n')
    twice = flowdeck(tmp_path, "sources", FLOWDECK_CONFIG=str(tmp_path / "twice.toml"))
    assert twice.returncode == 1 and "but for capital letters" in twice.stdout
    assert "hint: did you mean `good`?" in flowdeck(tmp_path, "sources", "goood").stderr
    query = flowdeck(tmp_path, "sql", "SELECT * FROM gone")
    assert query.returncode == 1 and "gone" in query.stderr

    for line, fact, hint in (
        ("[sources.a]\nlocatoin = 'x'", "line 2, column 1: unknown key `locatoin`", "did you mean `location`?"),
        ("[sources.a]\nlocation = 'x'\nstrict = 'yes'", "line 3", ""),
        ("[sources.a]\nlocation = 'x'\nconnector = 'zek'", "unknown connector `zek`", "did you mean `zeek`?"),
        ("[netwroks]\ninternal = []", "unknown key `netwroks`", "did you mean `networks`?"),
        ("[display]\ntime_zone = 'Europe/Pragu'", "unknown time zone", "`Europe/Prague`"),
    ):
        configured(tmp_path, line)
        shown = flowdeck(tmp_path, "sources")
        assert shown.returncode == 1 and fact in shown.stdout and hint in shown.stdout, shown.stdout
        assert "flowdeck.toml" in shown.stdout


@pytest.mark.parametrize("place", ["env", "file", "literal", "open file"])
def test_a_secret_is_in_no_output(tmp_path, place: str) -> None:
    (tmp_path / "a.csv").write_text(flows(3, 0))
    key = tmp_path / "vt.key"
    key.write_text(f"{PLANTED}\n")
    key.chmod(0o644 if place == "open file" else 0o600)
    written = {"env": '{ env = "PLANTED_KEY" }', "literal": f'"{PLANTED}"'}.get(place, '{ file = "vt.key" }')
    configured(tmp_path, f'[sources.a]\nlocation = "a.csv"\nsecrets = {{ token = {written} }}\n')
    output = ""
    for arguments in (
        ["sources"],
        ["sources", "a"],
        ["sources", "a", "--test"],
        ["sql", "SELECT * FROM a"],
        ["sql", "EXPLAIN ANALYZE SELECT * FROM a"],
        ["sql", "SHOW ALL"],
        ["sql", "SELECT * FROM nothing"],
    ):
        ended = flowdeck(tmp_path, *arguments, PLANTED_KEY=PLANTED, FLOWDECK_LOG="trace")
        output += ended.stdout + ended.stderr
    assert PLANTED not in output
    if place == "open file":
        assert "secret `token`: " in output and "open to others (mode 644)" in output and "chmod 600" in output
    elif place == "literal":
        assert "a secret is not written into the configuration" in output
    else:
        assert "token: there" in output


def test_two_sources_are_compared(tmp_path) -> None:
    (tmp_path / "a.csv").write_text(flows(1200, 0.0))
    late = flows(1200, 0.250).splitlines(keepends=True)
    (tmp_path / "b.csv").write_text("".join(late[:301] + late[601:] + late[1:3]))
    configured(tmp_path, '[sources.a]\nlocation = "a.csv"\n[sources.b]\nlocation = "b.csv"\n')
    compared = flowdeck(tmp_path, "sources", "--compare", "a", "b")
    assert compared.returncode == 0, compared.stderr
    assert "b is 250ms ahead of a" in compared.stdout and 'clock_offset = "250ms" into [sources.b]' in compared.stdout
    assert "2 (<1 %)" in compared.stdout, "repeated flows"
    assert "b  saw nothing 2024-01-01 00:05:00 – 00:10:00 (5m), the other 300 flows" in compared.stdout

    text = (tmp_path / "flowdeck.toml").read_text() + 'clock_offset = "250ms"\n'
    configured(tmp_path, text)
    assert "b agrees with a" in flowdeck(tmp_path, "sources", "--compare", "a", "b").stdout
    part = flowdeck(
        tmp_path, "sources", "--compare", "a", "b", "--from", "2024-01-01T00:06", "--to", "2024-01-01T00:09"
    )
    assert "no connection was seen by both" in part.stdout and part.returncode == 0
    wrong = flowdeck(tmp_path, "sources", "--compare", "a", "b", "--from", "2024-01-02", "--to", "2024-01-01")
    assert wrong.returncode == 1 and "--from is not before --to" in wrong.stderr
    assert "there is no table `c`" in flowdeck(tmp_path, "sources", "--compare", "a", "c").stderr


def test_a_strict_source_fails_and_says_where(tmp_path) -> None:
    log = tmp_path / "conn.log"
    log.write_text(
        "#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\n#types\ttime\taddr\taddr\n"
        "1700000000.0\t10.0.0.1\t10.0.0.2\nsoon\t10.0.0.1\t10.0.0.2\n"
    )
    for strict, code in (("false", 0), ("true", 1)):
        configured(tmp_path, f'[sources.conn]\nlocation = "conn.log"\nstrict = {strict}\n')
        tested = flowdeck(tmp_path, "sources", "--test")
        assert tested.returncode == code and "line 6" in tested.stdout and "soon" in tested.stdout, tested.stdout
        query = flowdeck(tmp_path, "sql", "SELECT count(start_time) AS n FROM conn", "--format", "csv")
        assert query.returncode == code and ("n\n1" in query.stdout.replace("\r", "")) == (code == 0)


def test_a_test_shows_the_first_ten_of_what_is_left_out(tmp_path) -> None:
    rows = "".join(f"170000000{number % 10}.0\t10.0.0.{number}\n" for number in range(12))
    header = "#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\n#types\ttime\taddr\taddr\n"
    (tmp_path / "conn.log").write_text(header + "1700000000.0\t10.0.0.1\t10.0.0.2\n" + rows)
    (tmp_path / "letter.log").write_text("Dear all,\n")
    configured(tmp_path, '[sources.conn]\nlocation = "*.log"\n')
    for arguments in (["conn", "--test"], ["--test"]):
        shown = flowdeck(tmp_path, "sources", *arguments).stdout
        assert "12 rows rejected; first: " in shown and "letter.log` is not a log of a known kind" in shown, shown
        for line in range(6, 16):
            assert f"conn.log, line {line}: 2 fields, expected 3" in shown, shown
        assert "line 16" not in shown, "the others are counted"
    caption = flowdeck(tmp_path, "sql", "SELECT count(*) FROM conn").stdout
    assert "note: 12 rows rejected; first: " in caption, caption
    for line in range(6, 16):
        assert caption.count(f"conn.log, line {line}: 2 fields, expected 3") == 1, caption
    assert "line 16" not in caption, "the others are counted"
