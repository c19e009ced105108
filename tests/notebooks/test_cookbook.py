"""The recipes of docs/cookbook.md work as they stand there, on the demo data."""

import re
from typing import Any

from harness import paths
from harness.front_end import FrontEnd
from harness.kernel import Kernel
from harness.playbook import run

_BLOCK = re.compile(r"^```(?:toml|sql|rust)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def plain(kernel: Kernel, query: str) -> str:
    """What the query shows, in text; nothing while its table is not there yet."""
    cell = kernel.execute(f"%%sql\n{query}")
    return "".join(message["content"]["data"]["text/plain"] for message in cell.of_type("execute_result") + cell.of_type("display_data"))


def press(page: FrontEnd, button: str) -> None:
    model = page.find("ButtonModel", description=button)
    page.until(lambda: not page.value(model, "disabled"), f"{button} to be enabled")
    page.click(model)


def texts(page: FrontEnd) -> list[str]:
    """What the output areas of the page hold as text."""
    outputs: list[dict[str, Any]] = [
        output for model in page.models.values() if model["_model_name"] == "OutputModel" for output in model["outputs"] or []
    ]
    return [output.get("text", "") for output in outputs]


def test_the_recipes_work() -> None:
    recipes = _BLOCK.findall((paths.ROOT / "docs" / "cookbook.md").read_text())
    assert len(recipes) >= 10 and sum(recipe.startswith("%%form") for recipe in recipes) >= 2
    with Kernel() as kernel:
        page = FrontEnd(kernel)
        run(kernel, recipes)
        press(page, "Get IP flows")
        press(page, "Sum up")
        page.until(lambda: "10.20.5.23" in plain(kernel, "SELECT src_ip FROM pairs"), "the pairs of the interval")
        press(page, "Count by port")
        page.until(lambda: any(re.search(r"^\s+443  \d+ flows$", text, re.MULTILINE) for text in texts(page)), "the ports")
        assert "update-check.test" in plain(kernel, "SELECT domain FROM unknown")
        assert "2024-02-05" in plain(kernel, "SELECT day FROM days")
