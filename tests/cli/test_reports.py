"""Reports: results, notes, sources, interval and queries in one file, by `%%report` and by `flowdeck run --report`."""

import html
import json
import re
from pathlib import Path

import nbformat
import pytest
from harness import paths
from harness.front_end import FrontEnd
from harness.headless import run
from harness.kernel import Kernel
from nbformat.v4 import new_code_cell, new_notebook

HOSTILE = "<script>alert(1)</script>"
FORM = """%%form
start = { type = "datetime", label = "Start", default = "2024-02-05T00:00:00Z" }
end   = { type = "datetime", label = "End", default = "2024-02-06T00:00:00Z" }
notes = { type = "text", label = "Notes", lines = 4 }
key   = { type = "password", label = "Key", default = "geheim" }
go    = { type = "button", label = "Go" }
tell  = { type = "button", label = "Report" }"""
TALKERS = """%%sql --on go --into talkers
SELECT src_ip, 'evil.example' AS name, count(*) AS flows FROM flows
WHERE start_time >= $start AND start_time < $end AND $key <> '' GROUP BY src_ip ORDER BY flows DESC, src_ip"""
TOP = f"%%sql --on go --into top\nSELECT src_ip, '{HOSTILE}' AS bad, NULL AS nothing FROM talkers LIMIT 3"
PLOT = "%%plot --kind bars --x src_ip --y flows --top 5 --title 'Who talks' --on go --into drawn\nSELECT src_ip, flows FROM talkers"


def notebook(folder: Path, *sources: str) -> Path:
    path = folder / "case.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
    return path


def written(folder: Path, ending: str) -> str:
    (file,) = (folder / "data" / "case").glob(f"*.{ending}")
    return file.read_text()


def test_a_page_for_people_who_were_not_there(tmp_path: Path) -> None:
    report = f"%%report --title 'Case {HOSTILE}' --rows 10 --on tell --notes notes\n**Asked** by [us](https://desk.example). <b>x</b>"
    path = notebook(tmp_path, FORM, TALKERS, TOP, PLOT, report)
    ended = run(path, "-p", f"notes=Seen at [here](javascript:alert(1)) {HOSTILE}", "-o", tmp_path / "out.ipynb")
    assert ended.returncode == 0, ended.stderr
    page = written(tmp_path, "html")
    assert "<script" not in page and "javascript:" not in page.replace("](javascript:", "") and "<b>x" not in page
    assert "<strong>Asked</strong>" in page and '<a href="https://desk.example">us</a>' in page
    assert "default-src 'none'" in page and not re.search(r"(src|href)=\"(?!data:|https://desk)", page)
    text = html.unescape(re.sub(r"<[^>]*>", "", page))
    assert "2024-02-05T00:00:00Z to 2024-02-06T00:00:00Z (UTC)" in text
    assert re.search(r"The first 10 of [\d,]+ rows", text) and "All 3 rows" in text
    assert "Who talks" in text and page.count("data:image/svg+xml;base64,") == 1
    assert "GROUP BY src_ip ORDER BY flows DESC" in text and str(paths.DEMO_DATA) in text, "query and source"
    assert "geheim" not in page and "Asked with" not in page, "no secrets, and moments are the interval"
    (area,) = [cell for cell in nbformat.read(tmp_path / "out.ipynb", as_version=4).cells if cell.source.startswith("%%report")]
    assert "report written to data/case/" in area.outputs[0].data["text/html"] and "download=" in area.outputs[0].data["text/html"]


def test_markdown_with_chosen_results_defanged(tmp_path: Path) -> None:
    report = "%%report --format markdown --show talkers --rows 2 --defang\nSee https://evil.example/x and 10.0.0.1."
    ended = run(notebook(tmp_path, FORM, TALKERS, TOP, report), "-o", tmp_path / "out.ipynb")
    assert ended.returncode == 0, ended.stderr
    text = written(tmp_path, "md")
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(table) == 4 and re.match(r"\| src\\_ip \| name \| flows \|", table[0])
    assert "evil\\[.\\]example" in table[2] and re.search(r"\d+\\\[\.\\\]\d+", table[2]), table[2]
    assert "hxxps&#58;//evil\\[.\\]example/x" in text and "10\\[.\\]0\\[.\\]0\\[.\\]1." in text
    assert "## top" not in text and "```sql\nSELECT src_ip, 'evil.example'" in text


@pytest.mark.parametrize("ending", ["html", "md"])
def test_a_report_of_a_run(tmp_path: Path, ending: str) -> None:
    truth = json.loads((paths.DEMO_DATA / "ground-truth.json").read_text())
    attack = next(incident for incident in truth["incidents"] if incident["kind"] == "rdp_password_guessing")
    (tmp_path / "notes.md").write_text("A password fitted.")
    playbook = paths.NOTEBOOKS / "host_card.ipynb"
    file = tmp_path / f"card_{{host}}.{ending}"
    ended = run(playbook, "-p", f"host={attack['compromised_host']}", "--report", file, "--notes", tmp_path / "notes.md",
                "--show", "host_signs,host_peers")  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    report = (tmp_path / f"card_{attack['compromised_host']}.{ending}").read_text()
    for there in (attack["attacker"], "A password fitted.", "had passwords tried over rdp", "Host card"):
        assert there in report, there
    assert "looked up" not in report.split("Queries")[0], "only what was chosen"


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    for report, said in (
        ("%%report --show tlkers", "did you mean `talkers`"),
        ("%%report --format pdf", "formats are html and markdown"),
        ("%%report --notes remarks", "no field `remarks`"),
    ):
        ended = run(notebook(tmp_path, FORM, TALKERS, report))
        assert ended.returncode == 1 and said in ended.stderr, ended.stderr
    nothing = run(notebook(tmp_path, "%%report"))
    assert nothing.returncode == 1 and "nothing to report on yet" in nothing.stderr and "--into NAME" in nothing.stderr


def test_a_person_presses_for_a_report(tmp_path: Path) -> None:
    with Kernel(cwd=tmp_path) as kernel:
        page = FrontEnd(kernel)
        for source in (FORM, "%%sql --into one\nSELECT 1 AS n", "%%report --on tell --notes notes"):
            assert kernel.execute(source).status == "ok"
        page.look()
        models = {state.get("description"): model for model, state in page.models.items()}
        assert page.models[models["Notes"]]["_model_name"] == "TextareaModel"
        (area,) = [model for model, state in page.models.items() if state.get("value") == "no report yet"]
        page.change(models["Notes"], value="first line\n\nsecond line")
        page.click(models["Report"])
        said = page.until(lambda: "report written" in page.value(area, "value") and page.value(area, "value"), "the report")
    (file,) = (tmp_path / "data" / "notebook").glob("*.html")
    assert f"report written to data/notebook/{file.name}" in said and f'download="{file.name}"' in said
    assert "<p>first line</p>\n<p>second line</p>" in file.read_text()
