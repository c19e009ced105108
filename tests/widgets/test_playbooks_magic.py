"""`%playbooks` behind the buttons of a form: what a person presses is done, after they saw the list and agreed, and no more."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.front_end import FrontEnd
from harness.kernel import Kernel
from harness.repository import Upstream, git, playbook

FORM = """%%form
edited = { type = "bool", label = "Edited" }
older  = { type = "duration", label = "Older than" }
name   = { type = "text", label = "Playbook" }
go     = { type = "button", label = "Go" }
"""


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream(tmp_path / "upstream", {"scans.ipynb": playbook("Scans")})


@pytest.fixture
def clone(upstream: Upstream, tmp_path: Path) -> Path:
    return upstream.clone(tmp_path / "clone")


@pytest.fixture
def page(new_kernel: Callable[..., Kernel], clone: Path) -> Iterator[FrontEnd]:
    yield FrontEnd(new_kernel(cwd=clone))


class Area:
    """A form with a button, and the command that waits for it."""

    def __init__(self, page: FrontEnd, command: str) -> None:
        self.page = page
        assert page.kernel.execute(FORM).status == "ok"
        cell = page.kernel.execute(f"%playbooks {command} --on go")
        assert cell.status == "ok", cell

    def press(self, label: str = "Go") -> None:
        self.page.click(self.page.find("ButtonModel", description=label))

    def text(self) -> str:
        self.page.look()
        outputs = [model["outputs"] for model in self.page.models.values() if model["_model_name"] == "OutputModel"]
        return "".join(output["text"] for entries in outputs for output in entries)

    def says(self, text: str) -> None:
        def said() -> bool:
            lines = [model["value"] for model in self.page.models.values() if model["_model_name"] == "HTMLModel"]
            return any(text in re.sub(r"<[^>]*>", "", line) for line in lines)

        self.page.until(said, f"`{text}`")

    def is_shown(self, label: str) -> bool:
        """Whether a person sees the button: none of the layouts around it hides it."""
        button = self.page.find("ButtonModel", description=label)
        around = [m for m in self.page.models.values() if f"IPY_MODEL_{button}" in m.get("children", [])]
        layouts = [self.page.models[button]["layout"], *(model["layout"] for model in around)]
        return all(self.page.models[layout.removeprefix("IPY_MODEL_")]["display"] != "none" for layout in layouts)


def test_an_update_is_listed_asked_for_and_done(page: FrontEnd, upstream: Upstream, clone: Path) -> None:
    area = Area(page, "update")
    area.press()
    area.says("done")
    assert "up to date" in area.text() and not area.is_shown("Yes")
    upstream.publish({"scans.ipynb": playbook("Scans", "1.1.0")})
    (clone / "scans.ipynb").write_text("mine")
    area.press()
    area.says("Update the playbooks?")
    assert area.is_shown("Yes") and area.is_shown("No") and not area.is_shown("Stop")
    assert "changed  scans.ipynb  1.0.0 -> 1.1.0" in area.text()
    area.press("No")
    area.says("nothing was changed")
    assert (clone / "scans.ipynb").read_text() == "mine"
    area.press("Yes")  # A message by hand: nothing is asked any more.
    area.press()
    area.says("Update the playbooks?")
    assert (clone / "scans.ipynb").read_text() == "mine"
    area.press("Yes")
    area.says("done")
    page.until(lambda: "open notebooks must be reloaded" in area.text(), "the note")
    assert re.search(r"\d\d:\d\d:\d\d flowdeck_playbooks \[WARNING\]: scans.ipynb was changed here", area.text())
    assert git(clone, "rev-parse", "HEAD") == upstream.head and not area.is_shown("Yes")
    assert page.value(page.find("ButtonModel", description="Go"), "disabled") is False


def test_only_what_was_listed_is_removed(page: FrontEnd, clone: Path) -> None:
    listed, later = clone / "scans-Copy1.ipynb", clone / "scans-Copy2.ipynb"
    listed.write_text(playbook("Scans"))
    area = Area(page, "duplicates --remove --edited=$edited")
    area.press()
    area.says("Remove this file")
    assert "scans-Copy1.ipynb  (same as scans.ipynb)" in area.text()
    later.write_text(playbook("Scans"))
    area.press("Yes")
    area.says("done")
    assert not listed.exists() and later.exists()

    area.press()
    area.says("Remove this file")
    later.write_text(playbook("Scans, and a thought"))
    area.press("Yes")
    page.until(lambda: "stays: it has changed since it was listed" in area.text(), "the refusal")
    assert later.exists()
    area.press()
    page.until(lambda: "there are no copies" in area.text(), "an edited copy is left alone")
    page.change(page.find("CheckboxModel"), value=True)
    area.press()
    area.says("Remove this file")
    area.press("Yes")
    page.until(lambda: not later.exists(), "the edited copy is gone")


def test_a_field_is_one_value_whatever_a_visitor_writes(page: FrontEnd, clone: Path) -> None:
    stored = clone / "data" / "scans" / "flows.csv"
    stored.parent.mkdir(parents=True)
    stored.write_text("1\n")
    area = Area(page, "data --playbook $name --older-than $older")
    area.press()
    page.until(lambda: "scans: 1 file, 2 bytes" in area.text(), "the list")
    for hostile in ("--remove", "scans --remove", "../../etc"):
        page.change(page.find("TextModel", description="Playbook"), value=hostile)
        area.press()
        page.until(lambda: "nothing is stored" in area.text(), hostile)
        assert not area.is_shown("Yes") and stored.exists()
        page.change(page.find("TextModel", description="Playbook"), value="")
        area.press()
        page.until(lambda: "scans: 1 file" in area.text(), "the list again")
    page.change(page.find("TextModel", description="Older than"), value="soon")
    area.press()
    area.says("not run: Older than")


def test_an_upstream_that_is_away_is_said(page: FrontEnd, upstream: Upstream) -> None:
    upstream.folder.rename(upstream.folder.with_name("away"))
    area = Area(page, "check")
    area.press()
    area.says("this did not work")
    assert "[ERROR]: " in area.text() and "nothing was changed\n    hint: " in area.text()
    area.press()
    area.says("this did not work")


def test_at_once_in_a_cell(page: FrontEnd, clone: Path) -> None:
    listed = page.kernel.execute("%playbooks list")
    assert listed.status == "ok" and "scans.ipynb  1.0.0    Scans  testers" in listed.stream()
    wrong = page.kernel.execute("%playbooks chek")
    assert "unrecognized subcommand 'chek'" in wrong.error_text and "usage: %playbooks list" in wrong.error_text
    no_button = page.kernel.execute("%playbooks check --on nothing")
    assert "there is no button `nothing`" in no_button.error_text
    (clone / "scans-Copy1.ipynb").write_text(playbook("Scans"))
    unattended = page.kernel.execute("%playbooks duplicates --remove", allow_stdin=False)
    assert "does not allow it" in unattended.error_text and (clone / "scans-Copy1.ipynb").exists()
