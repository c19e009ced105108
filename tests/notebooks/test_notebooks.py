"""Every notebook of notebooks/ runs from top to bottom on the demo data, and is saved clean."""

from pathlib import Path

import nbformat
import pytest
from harness import paths
from harness.kernel import CELL_TIMEOUT_S
from nbclient import NotebookClient

NOTEBOOKS = sorted(path for path in paths.NOTEBOOKS.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)

every_notebook = pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=[str(path.relative_to(paths.NOTEBOOKS)) for path in NOTEBOOKS]
)


@every_notebook
def test_notebook_is_saved_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5), (
        "older notebooks have no cell ids: each save would change them all"
    )
    assert notebook.metadata.kernelspec == {"name": "flowdeck", "display_name": "Rust (Flowdeck)", "language": "rust"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.execution_count is None and cell.outputs == [], f"saved with outputs: {cell.source[:80]!r}"
        assert "execution" not in cell.metadata, f"saved with the times of a run: {cell.source[:80]!r}"


@every_notebook
def test_notebook_runs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        kernel_name="flowdeck",
        timeout=CELL_TIMEOUT_S,
        # A cell that is meant to fail says so with the tag `raises-exception`.
        allow_errors=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", []):
            assert not [output for output in cell.outputs if output.output_type == "error"]
