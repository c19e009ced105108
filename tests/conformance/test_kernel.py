"""jupyter_kernel_test, the Jupyter project's own suite, with every attribute set so that no test of it is left out."""

from typing import Any

import jupyter_kernel_test
from harness.analyser import ANSWER_S, START_S
from harness.kernel import CELL_TIMEOUT_S, KERNEL_NAME, eventually


class FlowdeckTests(jupyter_kernel_test.KernelTests):
    """What the suite asks a kernel that claims everything; samples are Rust and SQL."""

    kernel_name = KERNEL_NAME
    language_name = "rust"
    file_extension = ".rs"

    code_hello_world = 'println!("hello, world");'
    code_stderr = 'eprintln!("oops");'

    completion_samples = [
        {"text": "std::collections::BTreeM", "matches": ["BTreeMap"]},
        {"text": "%%sql\nSELE", "matches": ["SELECT"]},
    ]

    # The body of a cell magic ends with an empty line, as in IPython.
    complete_code_samples = ["let x = 1;", "fn f() {}", "1 + 1", "%%sql\nSELECT 1\n"]
    incomplete_code_samples = ["fn f() {", "let x = vec![", "%%sql\nSELECT 1"]
    invalid_code_samples = ["fn fn", "let = ;"]

    code_page_something = "?flowdeck"
    code_generate_error = 'panic!("x")'

    # The history pattern matches exactly one of these codes. No SQL: its result opens the comm of a table, and the suite
    # checks messages against a list in which comms are missing. SQL results are tested in protocol/ and widgets/.
    code_execute_result = [
        {"code": "1+2", "result": "3"},
        {"code": '"a".to_string()', "result": '"a"'},
    ]
    code_history_pattern = "1?2*"
    supported_history_operations = ("tail", "range", "search")

    code_display_data = [
        {"code": 'flowdeck::display_html("<b>hi</b>")', "mime": "text/html"},
        {"code": "%%html\n<b>hi</b>", "mime": "text/html"},
    ]
    code_inspect_sample = "String::from"
    code_clear_output = "flowdeck::clear_output(false)"

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # The suite waits 15 s for a cell. The first Rust cell of a development build may take longer: it waits for
        # evcxr and rust-analyzer, so it is run here, where nothing is measured.
        cls.kc.execute_interactive("1", timeout=CELL_TIMEOUT_S, output_hook=lambda message: None)
        # The same for completion and help, which read the standard library first.
        assert eventually(cls._is_completing, START_S), "completion did not start"

    @classmethod
    def _is_completing(cls) -> bool:
        reply = cls.kc.complete("std::collections::BTreeM", reply=True, timeout=ANSWER_S)
        return bool(reply["content"]["matches"])

    def execute_helper(
        self, code: str, timeout: int = CELL_TIMEOUT_S, **more: Any
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        return super().execute_helper(code, timeout=timeout, **more)


class FlowdeckWelcomeTests(jupyter_kernel_test.IopubWelcomeTests):
    """JEP 65: the first message a subscriber gets is the welcome."""

    kernel_name = KERNEL_NAME
    support_iopub_welcome = True


def test_every_attribute_of_the_suite_is_set() -> None:
    """A later version of the suite may add an attribute; left empty, its test would be passed over in silence."""
    for ours, suite in (
        (FlowdeckTests, jupyter_kernel_test.KernelTests),
        (FlowdeckWelcomeTests, jupyter_kernel_test.IopubWelcomeTests),
    ):
        samples = [
            name
            for name, value in vars(suite).items()
            if not name.startswith("_") and not callable(value) and not isinstance(value, classmethod)
        ]
        assert samples
        empty = [name for name in samples if not getattr(ours, name)]
        assert not empty, f"{ours.__name__} leaves these empty: {empty}"
