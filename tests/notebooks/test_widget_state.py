"""Notebooks with widgets that run without a page: what nbclient saves of them is whole and follows the format."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import nbformat
import pytest
from harness import paths
from harness.kernel import CELL_TIMEOUT_S
from harness.widget_state import STATE_SCHEMA, VIEW, WIDGET_STATE
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

# Where the type in Rust is not called as the model.
CLASSES = {
    "Box": "BoxWidget",
    "DOMWidget": "MediaBase",
    "Datetime": "DatetimePicker",
    "NaiveDatetime": "NaiveDatetimePicker",
    "Time": "TimePicker",
}
WITH_OPTIONS = {
    "Dropdown",
    "RadioButtons",
    "Select",
    "SelectMultiple",
    "SelectionRangeSlider",
    "SelectionSlider",
    "ToggleButtons",
}

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
CAPTURED = """let (shown, nested) = (Output::new().dom_classes(["shown"]), Output::new().dom_classes(["nested"]));
shown.capture(|| {
    println!("to be cleared");
    flowdeck::clear_output(true);
    println!("first");
    nested.capture(|| println!("nested"));
    eprintln!("an error line");
    flowdeck::display_html("<i>shown</i>");
});
let picture = Image::of(PICTURE).width("40");
let slider = IntSlider::new().max(50).set_value(7);
let text = IntText::new();
link(&slider, "value", &text, "value");
slider.set_value(21);
flowdeck::display(&VBox::of((&shown, &nested, &picture, &slider, &text)));
interact(slider.clone(), |value| println!("interact {value}"));"""
FAILING = """let failing = Output::new().dom_classes(["failing"]);
failing.capture(|| { println!("before the panic"); if true { panic!("in the area") } });"""


def models() -> list[str]:
    """The names of all published models."""
    command = [paths.TARGET / "debug" / "flowdeck", "widget-models"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return [model["model"]["name"] for model in json.loads(listed)]


def built(model: str) -> str:
    """An expression of Rust that makes a widget of this model."""
    name = model.removesuffix("Model")
    options = '["a", "b"]' if name in WITH_OPTIONS else ""
    return f"Widget::model(&{CLASSES.get(name, name)}::new({options})).clone()"


def cell_with_all_models() -> str:
    widgets = ",\n    ".join(built(model) for model in models())
    return (
        f"use flowdeck::widgets::*;\nlet all: Vec<Model> = vec![\n    {widgets},\n];\n"
        "for model in &all { model.open().unwrap(); }\nall.len()"
    )


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """A notebook with every model, captured output, a picture and a failure, after its run."""
    failing = new_code_cell(FAILING, metadata={"tags": ["raises-exception"]})
    picture = "[" + ", ".join(f"{byte}u8" for byte in PICTURE) + "]"
    cells = [new_code_cell(cell_with_all_models()), new_code_cell(CAPTURED.replace("PICTURE", picture)), failing]
    kernelspec = {"name": "flowdeck", "display_name": "Rust", "language": "rust"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernelspec})
    folder: Path = tmp_path_factory.mktemp("notebook")
    client = NotebookClient(
        notebook, kernel_name="flowdeck", timeout=CELL_TIMEOUT_S, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return notebook


@pytest.fixture(scope="module")
def saved(notebook: nbformat.NotebookNode) -> dict[str, Any]:
    return json.loads(json.dumps(notebook.metadata.widgets[WIDGET_STATE]))


def area(saved: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The outputs of the Output with this class."""
    (found,) = [model["state"] for model in saved["state"].values() if model["state"].get("_dom_classes") == [name]]
    return found["outputs"]


def test_the_saved_state_follows_the_format(notebook: nbformat.NotebookNode, saved: dict[str, Any]) -> None:
    jsonschema.validate(saved, STATE_SCHEMA)
    nbformat.validate(notebook)


def test_every_model_is_saved(notebook: nbformat.NotebookNode, saved: dict[str, Any]) -> None:
    assert len(models()) == 69
    (count,) = notebook.cells[0].outputs
    assert count.data["text/plain"] == "69"
    assert {model["model_name"] for model in saved["state"].values()} == set(models())


def test_references_in_the_saved_state_lead_somewhere(saved: dict[str, Any]) -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, list):
            return [found for item in value for found in references(item)]
        return [value.removeprefix("IPY_MODEL_")] if isinstance(value, str) and value.startswith("IPY_MODEL_") else []

    values = [value for model in saved["state"].values() for value in model["state"].values()]
    found = set(references(values))
    assert found and found <= set(saved["state"])


def test_a_shown_widget_is_in_the_saved_state_and_has_a_fallback(notebook: nbformat.NotebookNode, saved: dict[str, Any]) -> None:
    bundles = [output.data for cell in notebook.cells for output in cell.outputs if VIEW in output.get("data", {})]
    assert len(bundles) >= 2, "the box and the interaction"
    for bundle in bundles:
        assert bundle[VIEW]["model_id"] in saved["state"]
        assert {"text/plain", "text/html"} <= set(bundle)


def test_captured_output_is_in_the_saved_state(notebook: nbformat.NotebookNode, saved: dict[str, Any]) -> None:
    first, error, display = area(saved, "shown")
    assert (first["output_type"], first["name"], first["text"]) == ("stream", "stdout", "first\n")
    assert (error["name"], error["text"]) == ("stderr", "an error line\n")
    assert display["output_type"] == "display_data" and display["data"]["text/html"] == "<i>shown</i>"
    assert [output["text"] for output in area(saved, "nested")] == ["nested\n"]
    assert not [output for output in notebook.cells[1].outputs if output.output_type == "stream"], "and not below the cell"


def test_what_a_panic_left_in_an_area_is_saved(notebook: nbformat.NotebookNode, saved: dict[str, Any]) -> None:
    assert area(saved, "failing")[0]["text"] == "before the panic\n"
    assert any("in the area" in output.get("evalue", "") for output in notebook.cells[2].outputs)


def test_pictures_are_saved_as_buffers(saved: dict[str, Any]) -> None:
    (picture,) = [m for m in saved["state"].values() if m["model_name"] == "ImageModel" and m["state"]["width"] == "40"]
    (buffer,) = picture["buffers"]
    assert (buffer["path"], buffer["encoding"]) == (["value"], "base64")
    assert base64.b64decode(buffer["data"]) == PICTURE
    assert "value" not in picture["state"]


def test_changes_links_and_interactions_of_the_cell_are_saved(saved: dict[str, Any]) -> None:
    states = [model["state"] for model in saved["state"].values()]
    (slider,) = [state for state in states if state["_model_name"] == "IntSliderModel" and state["max"] == 50]
    assert slider["value"] == 21
    assert 21 in [state["value"] for state in states if state["_model_name"] == "IntTextModel"]
    shown = [state["outputs"] for state in states if state["_model_name"] == "OutputModel"]
    assert "interact 21\n" in [output.get("text") for outputs in shown for output in outputs]
