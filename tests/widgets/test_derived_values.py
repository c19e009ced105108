"""What follows from fields of a form is computed anew whenever one of them changes."""

import re

from harness.front_end import FrontEnd

FORM = """%%form
end    = { type = "datetime", label = "End", default = "2024-07-01T12:00:00Z" }
window = { type = "duration", label = "Before", default = "5m" }
"""
QUERY = "%%sql --live\nSELECT concat('from ', CAST($end - $window AS VARCHAR)) AS since"


# microsoft/msticpy#303: another unit of the length left start and end as they were.
def test_the_start_follows_the_length_and_its_unit(new_kernel) -> None:
    page = FrontEnd(new_kernel())

    def shown() -> str:
        page.look()
        outputs = [model["outputs"] for model in page.models.values() if model["_model_name"] == "OutputModel"]
        return re.sub(r"<[^>]*>", " ", "".join(str(output["data"]) for entries in outputs for output in entries))

    assert page.kernel.execute(FORM).status == "ok"
    assert page.kernel.execute(QUERY).status == "ok"
    page.until(lambda: "from 2024-07-01T11:55:00" in shown(), "the start by the default")
    length = page.find("TextModel")
    for written, start in [("5h", "2024-07-01T07:00:00"), ("5d", "2024-06-26T12:00:00"), ("90s", "2024-07-01T11:58:30")]:
        page.change(length, value=written)
        page.until(lambda start=start: f"from {start}" in shown(), written)
    end = page.find("NaiveDatetimeModel")
    page.change(end, value={**page.value(end), "hours": page.value(end)["hours"] + 1})
    page.until(lambda: "from 2024-07-01T12:58:30" in shown(), "the start by the new end")
