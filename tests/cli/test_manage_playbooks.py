"""`flowdeck playbooks`: what an operator types, or cron. What it does to a clone in all its states is tested in Rust, in
kernel/playbooks/tests."""

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import paths
from harness.repository import Upstream, git, playbook, served_by_https

FLOWDECK = paths.TARGET / "debug" / "flowdeck"

LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d flowdeck_playbooks \[(INFO|WARNING|ERROR)\]: .+$")


def flowdeck(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [FLOWDECK, "playbooks", *arguments, "--folder", str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream(tmp_path / "upstream", {"scans.ipynb": playbook("Scans"), "notes.txt": "notes"})


@pytest.fixture
def clone(upstream: Upstream, tmp_path: Path) -> Path:
    return upstream.clone(tmp_path / "clone")


def test_a_check_tells_by_its_exit_code_and_an_update_follows(upstream: Upstream, clone: Path) -> None:
    check = flowdeck(clone, "check")
    assert (check.returncode, check.stdout) == (0, ""), check.stderr
    assert all(LOG_LINE.match(line) for line in check.stderr.splitlines()), check.stderr
    assert check.stderr.endswith("[INFO]: up to date\n")

    upstream.publish({"scans.ipynb": playbook("Scans", "1.1.0"), "beacons.ipynb": playbook("Beacons"), "notes.txt": None})
    (clone / "scans.ipynb").write_text("mine")
    check = flowdeck(clone, "check")
    assert check.returncode == 3, check.stderr
    assert check.stdout == (
        "notebooks that the upstream changed:\n"
        "  new      beacons.ipynb  1.0.0\n"
        "  changed  scans.ipynb  1.0.0 -> 1.1.0\n"
        "other files that the upstream changed:\n"
        "  removed  notes.txt\n"
        "changed here; an update copies them aside and replaces them:\n"
        "  edited   scans.ipynb\n"
    )
    assert (clone / "scans.ipynb").read_text() == "mine"

    update = flowdeck(clone, "update")
    assert update.returncode == 0, update.stderr
    kept = re.search(r"\[WARNING\]: scans.ipynb was changed here; what it was is now (local-changes/\S+)", update.stderr)
    assert (clone / kept.group(1)).read_text() == "mine"
    assert "open notebooks must be reloaded" in update.stderr
    assert git(clone, "status", "--porcelain") == "" and git(clone, "rev-parse", "HEAD") == upstream.head
    assert flowdeck(clone, "check").returncode == 0


def test_over_https_with_the_certificates_of_the_system(upstream: Upstream, clone: Path, tmp_path: Path) -> None:
    with served_by_https(upstream, tmp_path) as (address, certificate, asked):
        git(clone, "remote", "set-url", "origin", address)
        upstream.publish({"scans.ipynb": playbook("Scans", "2.0.0")})
        distrusted = flowdeck(clone, "update")
        assert distrusted.returncode == 1 and "nothing was changed" in distrusted.stderr, distrusted.stderr
        assert "certificate" in distrusted.stderr.lower() and "hint: " in distrusted.stderr
        update = flowdeck(clone, "update", SSL_CERT_FILE=str(certificate))
        assert update.returncode == 0, update.stderr
    assert asked and git(clone, "rev-parse", "HEAD") == upstream.head
    # Now nobody listens there.
    offline = flowdeck(clone, "update", SSL_CERT_FILE=str(certificate))
    assert offline.returncode == 1 and "cannot be reached" in offline.stderr and "nothing was changed" in offline.stderr


def test_a_run_that_is_killed_is_completed_by_the_next(upstream: Upstream, clone: Path) -> None:
    many = {f"folder-{number % 50}/file-{number}.txt": f"{number}\n" * 50 for number in range(2500)}
    upstream.publish({**many, "scans.ipynb": playbook("Scans", "1.1.0")})
    (clone / "scans.ipynb").write_text("mine")
    process = subprocess.Popen([FLOWDECK, "playbooks", "update", "--folder", str(clone)], stderr=subprocess.PIPE)
    while not (clone / ".git" / "flowdeck-update").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.001)
    time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (clone / ".git" / "flowdeck-update").exists(), "it was done before it was killed: not what this test is about"
    written = sum(1 for name in many if (clone / name).exists())
    assert written < len(many)
    (kept,) = (clone / "local-changes").glob("2*")
    assert (kept / "scans.ipynb").read_text() == "mine", "kept before anything was replaced"

    again = flowdeck(clone, "update")
    assert again.returncode == 0 and "was interrupted" in again.stderr, again.stderr
    assert git(clone, "status", "--porcelain") == "" and git(clone, "rev-parse", "HEAD") == upstream.head
    assert not list(clone.rglob(".flowdeck-update-*"))


def test_control_c_before_something_is_replaced_changes_nothing(upstream: Upstream, clone: Path) -> None:
    before = git(clone, "rev-parse", "HEAD")
    with listing_an_update(upstream, clone) as process:
        interrupt(process)
        process.stdout.read()
        said = process.stderr.read()
        assert process.wait(60) == 130 and "stopped; nothing was changed" in said, said
    assert git(clone, "status", "--porcelain") == "" and git(clone, "rev-parse", "HEAD") == before


def test_a_second_control_c_ends_at_once(upstream: Upstream, clone: Path) -> None:
    with listing_an_update(upstream, clone) as process:
        interrupt(process)
        # Nobody reads the list, so it would wait for ever.
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert "ended at once" in process.stderr.read()


def test_control_c_ends_a_removal_between_two_files(clone: Path) -> None:
    count = 1000
    for number in range(count):
        (clone / f"scans-Copy{number}.ipynb").write_text(playbook("Scans"))
    said = ""
    arguments = ("duplicates", "--remove", "--yes")
    with running(clone, *arguments, stdout=subprocess.DEVNULL) as process:
        for line in process.stderr:
            if "removed" in line and not said:
                process.send_signal(signal.SIGINT)
            said += line
            # It comes no further than the pipe is long before the signal is heard.
            time.sleep(0.01)
        assert process.wait(60) == 130, said
    left = len(list(clone.glob("scans-Copy*")))
    assert 0 < left < count and f"{count - left} files removed" in said and f"not removed: {left} file" in said, said
    assert "the files that were not removed by then are still there" in said


def test_copies_are_listed_and_removed_when_somebody_agrees(clone: Path) -> None:
    same, edited = clone / "scans-Copy1.ipynb", clone / "scans-Copy2.ipynb"
    same.write_text(playbook("Scans"))
    edited.write_text(playbook("Scans, and mine"))
    listed = flowdeck(clone, "duplicates")
    assert listed.stdout == (
        "scans-Copy1.ipynb  (same as scans.ipynb)\n"
        "scans-Copy2.ipynb  (EDITED, not the same as scans.ipynb any more)\n"
    )
    refused = flowdeck(clone, "duplicates", "--remove")
    assert refused.returncode == 1 and "hint: `--yes`" in refused.stderr and same.exists()
    assert answered(clone, "n\n", "duplicates", "--remove").endswith("nothing was removed") and same.exists()
    said = answered(clone, "y\n", "duplicates", "--remove")
    assert "Remove this file" in said and "1 file removed" in said, said
    assert "left as they are: 1 edited copy" in said
    assert not same.exists() and edited.exists()
    assert flowdeck(clone, "duplicates", "--remove", "--edited", "--yes").returncode == 0
    assert not edited.exists() and (clone / "scans.ipynb").exists()
    assert flowdeck(clone, "duplicates", "--edited").returncode == 2


def test_stored_data_goes_when_it_is_old(clone: Path) -> None:
    old, new = clone / "data" / "scans" / "old.csv", clone / "data" / "scans" / "new.csv"
    for path, days in ((old, 40), (new, 1)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1\n" * 1024)
        os.utime(path, (time.time() - days * 86400,) * 2)
    listed = flowdeck(clone, "data")
    assert "scans: 2 files, 4.0 KiB\n" in listed.stdout and "40 days  data/scans/old.csv" in listed.stdout, listed.stdout
    removed = flowdeck(clone, "data", "--older-than", "30d", "--remove", "--yes")
    assert removed.returncode == 0 and "new.csv" not in removed.stdout + removed.stderr, removed.stderr
    assert not old.exists() and new.exists()
    assert flowdeck(clone, "data", "--playbook", "beacons").stdout == "nothing is stored\n"
    wrong = flowdeck(clone, "data", "--older-than", "soon")
    assert wrong.returncode == 2 and "write 30s, 5m, 2h, 1d" in wrong.stderr, wrong.stderr


def test_the_projects_own_playbooks_have_their_heads() -> None:
    listed = flowdeck(paths.NOTEBOOKS, "list")
    assert listed.returncode == 0 and "detection/scans.ipynb" in listed.stdout, listed.stderr
    assert "!" not in listed.stdout, listed.stdout


def test_a_folder_that_is_no_clone_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    ended = flowdeck(tmp_path / "here", "check", GIT_CEILING_DIRECTORIES=str(tmp_path))
    assert ended.returncode == 1 and "is in no git repository" in ended.stderr and "hint: " in ended.stderr
    ended = flowdeck(tmp_path / "nowhere", "list")
    assert ended.returncode == 1 and "No such file" in ended.stderr


@contextmanager
def running(folder: Path, *arguments: str, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen]:
    """A command whose pipes are so short that it waits for who reads them."""
    process = subprocess.Popen(
        [FLOWDECK, "playbooks", *arguments, "--folder", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        pipesize=4096,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def listing_an_update(upstream: Upstream, clone: Path) -> Iterator[subprocess.Popen]:
    """An update that has compared and waits for somebody to read what it would do."""
    upstream.publish({f"a-file-with-a-long-name-{number}.txt": "new" for number in range(400)})
    with running(clone, "update") as process:
        assert select.select([process.stdout], [], [], 60)[0], "it lists nothing"
        yield process


def interrupt(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGINT)
    for line in process.stderr:
        if "stopping as soon as nothing is half done" in line:
            return
    raise AssertionError("the signal was not heard")


def answered(folder: Path, answer: str, *arguments: str) -> str:
    """What is said at a terminal at which somebody types an answer."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [FLOWDECK, "playbooks", *arguments, "--folder", str(folder)], stdin=theirs, stderr=subprocess.PIPE, text=True
    )
    os.write(ours, answer.encode())
    _, said = process.communicate(timeout=60)
    os.close(theirs)
    os.close(ours)
    assert process.returncode == 0, said
    return said.strip()
