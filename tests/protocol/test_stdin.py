"""Cells that ask: the question goes to the front end that ran the cell, and nothing else answers it."""

import pytest
from harness.kernel import Kernel


def ask(kernel: Kernel, code: str) -> tuple[str, dict]:
    """Runs a cell until it asks; gives its message id and the question."""
    kernel.stdin.clear()
    cell = kernel.send_execute(code, allow_stdin=True)
    kernel.wait_for(lambda: kernel.stdin, 120, "an input_request")
    (question,) = kernel.stdin
    assert question["msg_type"] == "input_request"
    assert question["parent_header"]["msg_id"] == cell
    return cell, question


def reply(kernel: Kernel, question: dict, value: str) -> None:
    kernel.send("input_reply", {"value": value}, channel="stdin", parent=question)


def test_input_and_password(shared_kernel: Kernel) -> None:
    cell, question = ask(shared_kernel, 'let name = flowdeck::input("Name: ")?;\nname.len()')
    assert question["content"] == {"prompt": "Name: ", "password": False}
    reply(shared_kernel, question, "Jürgen")
    assert shared_kernel.finish(cell).text == "7"
    assert shared_kernel.execute("name.clone()").text == '"Jürgen"'
    cell, question = ask(shared_kernel, 'flowdeck::password("Secret: ")?.len()')
    assert question["content"] == {"prompt": "Secret: ", "password": True}
    reply(shared_kernel, question, "hidden")
    assert shared_kernel.finish(cell).text == "6"


def test_output_comes_before_the_question(shared_kernel: Kernel) -> None:
    cell, question = ask(shared_kernel, 'print!("which one");\nflowdeck::input("? ")?')
    shared_kernel.wait_for(lambda: any(m["msg_type"] == "stream" for m in shared_kernel.iopub[cell]), 5, "the text")
    reply(shared_kernel, question, "x")
    assert shared_kernel.finish(cell).text.endswith('"x"')


def test_an_interrupt_withdraws_the_question_and_keeps_variables(shared_kernel: Kernel) -> None:
    shared_kernel.execute("let kept_over_stdin = 3;")
    cell, question = ask(shared_kernel, 'flowdeck::input("never answered")?')
    shared_kernel.interrupt()
    assert shared_kernel.finish(cell).status == "error"
    assert shared_kernel.execute("kept_over_stdin").text == "3"
    # The late answer must not be taken for the next one.
    reply(shared_kernel, question, "late")
    cell, question = ask(shared_kernel, 'flowdeck::input("again")?')
    reply(shared_kernel, question, "fresh")
    assert shared_kernel.finish(cell).text == '"fresh"'


def test_a_front_end_that_cannot_ask_is_told_at_once(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute('flowdeck::input("anyone?")?', timeout=30)
    assert cell.status == "error" and cell.types == ["error"]
    assert "does not allow it" in cell.error_text and "hint:" in cell.error_text


@pytest.mark.parametrize("line", ["EVCXR_INPUT_REQUEST:Name?", "EVCXR_INPUT_REQUEST_PASSWORD:Name?"])
def test_the_crate_evcxr_input_works(shared_kernel: Kernel, line: str) -> None:
    # What that crate does, in one cell: it prints the request and reads the answer as a line.
    code = (
        f'std::println!("{line}");\nlet mut answer = String::new();\n'
        "std::io::stdin().read_line(&mut answer)?;\nanswer.trim().to_string()"
    )
    cell, question = ask(shared_kernel, code)
    assert question["content"] == {"prompt": "Name?", "password": "PASSWORD" in line}
    reply(shared_kernel, question, "Ada")
    assert shared_kernel.finish(cell).text == '"Ada"'
