"""The table of widget models against the ipywidgets that is installed: same models, attributes, defaults, choices."""

import json
import subprocess

import pytest
import traitlets
from harness import paths
from ipywidgets import Widget
from ipywidgets.widgets import widget as base
from ipywidgets.widgets.trait_types import TypedTuple

FLOWDECK = paths.TARGET / "debug" / "flowdeck"

# Counting views is experimental there, and the published specification leaves it out, too.
UNTRACKED = {"_view_count"}


def ours() -> dict[str, dict]:
    text = subprocess.run([FLOWDECK, "widget-models"], capture_output=True, text=True, check=True, timeout=60).stdout
    return {model["model"]["name"]: model for model in json.loads(text)}


def theirs() -> dict[str, type[Widget]]:
    """The classes of the three published modules. Other installed libraries register theirs in the same place."""
    published = ("@jupyter-widgets/base", "@jupyter-widgets/controls", "@jupyter-widgets/output")
    classes = {cls for _, cls in base._registry.items()}
    return {name(cls): cls for cls in classes if cls.class_traits()["_model_module"].default() in published}


def name(cls: type[Widget]) -> str:
    return cls.class_traits()["_model_name"].default()


def attributes(cls: type[Widget]) -> dict[str, traitlets.TraitType]:
    return {name: trait for name, trait in cls.class_traits(sync=True).items() if name not in UNTRACKED}


def default(trait: traitlets.TraitType):
    """The default as the specification writes it."""
    if isinstance(trait, traitlets.Instance) and not isinstance(trait, traitlets.Container | traitlets.Dict):
        return "reference to new instance"
    if isinstance(trait, traitlets.Union):
        return default(trait.trait_types[0])
    value = trait.default()
    if isinstance(value, memoryview):
        return repr(value.tobytes())
    if value is traitlets.Undefined or value is None:
        return [] if isinstance(trait, TypedTuple | traitlets.Tuple | traitlets.List) else None
    return list(value) if isinstance(value, tuple) else value


def test_the_models_are_the_ones_of_ipywidgets() -> None:
    assert set(ours()) == set(theirs())


@pytest.mark.parametrize("model", sorted(theirs()))
def test_a_model_has_the_attributes_of_ipywidgets(model: str) -> None:
    traits = attributes(theirs()[model])
    listed = {attribute["name"]: attribute for attribute in ours()[model]["attributes"]}
    assert set(listed) == set(traits)
    for attribute, trait in traits.items():
        mine = listed[attribute]
        assert mine["default"] == default(trait), attribute
        assert mine.get("allow_none", False) == trait.allow_none, attribute
        assert mine["help"] == trait.help, attribute
        assert mine.get("enum") == (list(trait.values) if isinstance(trait, traitlets.Enum) else None), attribute
