"""Cells that ask: the question goes to the front end that ran the cell, and nothing else answers it."""

from collections.abc import Iterator

import pytest
from harness.kernel import Kernel
from harness.peer import Peer

READ_LINE = "let mut line = String::new();\nlet count = std::io::stdin().read_line(&mut line)?;\n"
END_OF_INPUT = "\x04"


@pytest.fixture(autouse=True)
def nothing_asks_any_more(shared_kernel: Kernel) -> Iterator[None]:
    """A test that fails in the middle of a question must not take the next one with it."""
    yield
    shared_kernel.interrupt()


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


# std::io::stdin, which every Rust program knows


def test_standard_input_asks(shared_kernel: Kernel) -> None:
    cell, question = ask(shared_kernel, READ_LINE + "(count, line)")
    assert question["content"] == {"prompt": "", "password": False}
    reply(shared_kernel, question, "zwölf")
    assert shared_kernel.finish(cell).text == r'(7, "zwölf\n")'


def test_standard_input_asks_for_each_line(shared_kernel: Kernel) -> None:
    code = 'let typed: Vec<String> = std::io::stdin().lines().take(3).collect::<Result<_, _>>()?;\ntyped.join("+")'
    cell, question = ask(shared_kernel, code)
    for number, text in enumerate(("one", "", "three")):
        shared_kernel.wait_for(lambda: len(shared_kernel.stdin) > number, 30, f"question {number + 1}")
        reply(shared_kernel, shared_kernel.stdin[number], text)
    assert shared_kernel.finish(cell).text == '"one++three"'


def test_standard_input_has_an_end(shared_kernel: Kernel) -> None:
    """Control-D, which front ends send as a character."""
    cell, question = ask(shared_kernel, READ_LINE + "(count, line)")
    reply(shared_kernel, question, END_OF_INPUT)
    assert shared_kernel.finish(cell).text == '(0, "")'
    # It was the end for that cell, not for the session.
    cell, question = ask(shared_kernel, READ_LINE + "line")
    reply(shared_kernel, question, "more")
    assert shared_kernel.finish(cell).text == r'"more\n"'


def test_text_before_a_read_of_standard_input_shows_before_the_question(shared_kernel: Kernel) -> None:
    cell, question = ask(shared_kernel, 'print!("your name: ");\n' + READ_LINE)
    reply(shared_kernel, question, "x")
    (shown,) = shared_kernel.finish(cell).of_type("stream")
    assert shown["content"]["text"] == "your name: "
    # Two channels: the kernel can only send the one before the other.
    assert shown["header"]["date"] <= question["header"]["date"], "the text was held back while the question went out"


def test_an_interrupt_ends_a_read_of_standard_input_and_keeps_variables(shared_kernel: Kernel) -> None:
    shared_kernel.execute("let kept_over_read = 3;")
    cell, _ = ask(shared_kernel, READ_LINE)
    shared_kernel.interrupt()
    ended = shared_kernel.finish(cell, 30)
    assert ended.status == "error" and len(ended.errors) == 1, repr(ended)
    assert shared_kernel.execute("kept_over_read").text == "3"


@pytest.mark.parametrize("code", [READ_LINE, "std::io::read_to_string(std::io::stdin())?"], ids=["line", "all"])
def test_standard_input_fails_at_once_where_nobody_can_be_asked(shared_kernel: Kernel, code: str) -> None:
    shared_kernel.stdin.clear()
    cell = shared_kernel.execute(code, timeout=60)
    assert cell.status == "error" and len(cell.errors) == 1, repr(cell)
    assert "does not allow it" in cell.error_text + cell.stream("stderr")
    assert not shared_kernel.stdin


def test_child_programs_find_an_empty_standard_input(shared_kernel: Kernel) -> None:
    """And never evcxr's instructions, which come on the descriptor that a child inherits."""
    cell = shared_kernel.execute('std::process::Command::new("cat").status()?;\nprintln!("ended");', allow_stdin=True)
    assert cell.status == "ok" and cell.stream() == "ended\n", repr(cell)
    assert shared_kernel.execute("6 * 7").text == "42"


# Which answer belongs to which question


def test_answers_that_nobody_waits_for_are_dropped(shared_kernel: Kernel) -> None:
    for value in ("too early", "too early again"):
        shared_kernel.send("input_reply", {"value": value}, channel="stdin")
    # Answered in order with the above only if those were read.
    assert shared_kernel.request("kernel_info_request").status == "ok"
    cell, question = ask(shared_kernel, 'flowdeck::input("now")?')
    reply(shared_kernel, question, "in time")
    assert shared_kernel.finish(cell).text == '"in time"'


def test_a_second_answer_is_not_taken_for_the_next_question(shared_kernel: Kernel) -> None:
    cell, question = ask(shared_kernel, 'flowdeck::input("once")?')
    for value in ("first", "second"):
        reply(shared_kernel, question, value)
    assert shared_kernel.finish(cell).text == '"first"'
    cell, question = ask(shared_kernel, 'flowdeck::input("again")?')
    reply(shared_kernel, question, "third")
    assert shared_kernel.finish(cell).text == '"third"'


def test_an_answer_to_an_earlier_question_is_not_taken_while_another_waits(shared_kernel: Kernel) -> None:
    """JupyterLab says which question it answers; a field that stayed open after an interrupt can still be sent."""
    cell, withdrawn = ask(shared_kernel, 'flowdeck::input("withdrawn")?')
    shared_kernel.interrupt()
    shared_kernel.finish(cell)
    cell, question = ask(shared_kernel, 'flowdeck::input("open")?')
    reply(shared_kernel, withdrawn, "late")
    reply(shared_kernel, question, "fresh")
    assert shared_kernel.finish(cell).text == '"fresh"'


def test_an_answer_without_a_parent_is_taken(shared_kernel: Kernel) -> None:
    """jupyter_client's own clients send it so."""
    cell, _ = ask(shared_kernel, 'flowdeck::input("which")?')
    shared_kernel.send("input_reply", {"value": "plain"}, channel="stdin")
    assert shared_kernel.finish(cell).text == '"plain"'


@pytest.mark.parametrize("content", [{}, {"value": None}, {"value": 5}, {"value": ["a"]}], ids=str)
def test_an_answer_that_is_no_text_does_no_harm(shared_kernel: Kernel, content: dict) -> None:
    cell, question = ask(shared_kernel, 'flowdeck::input("text?")?')
    shared_kernel.send("input_reply", content, channel="stdin", parent=question)
    ended = shared_kernel.finish(cell, 30)
    assert len(ended.errors) == (ended.status == "error")


def test_two_threads_that_ask_are_answered_one_after_the_other(shared_kernel: Kernel) -> None:
    code = (
        'let asking = ["a", "b"].map(|name| std::thread::spawn(move || flowdeck::input(name)));\n'
        "let mut answers = Vec::new();\n"
        "for thread in asking { answers.push(thread.join().unwrap()?); }\nanswers.join(\",\")"
    )
    cell, first = ask(shared_kernel, code)
    reply(shared_kernel, first, f"answer {first['content']['prompt']}")
    shared_kernel.wait_for(lambda: len(shared_kernel.stdin) > 1, 30, "the second question")
    second = shared_kernel.stdin[1]
    reply(shared_kernel, second, f"answer {second['content']['prompt']}")
    assert shared_kernel.finish(cell).text == '"answer a,answer b"'


def test_the_question_goes_to_the_front_end_that_ran_the_cell(shared_kernel: Kernel) -> None:
    shared_kernel.stdin.clear()
    with Peer(shared_kernel, b"other", ("shell", "stdin")) as peer:
        # Known on both channels before anything is asked.
        peer.request("kernel_info_request")
        peer.send("input_reply", {"value": "hello"}, channel="stdin")
        cell = peer.send("execute_request", {"code": 'flowdeck::input("for the other")?', "allow_stdin": True})
        question = peer.receive(60, "stdin")
        assert question and question["content"]["prompt"] == "for the other"
        peer.send("input_reply", {"value": "from the other"}, channel="stdin", parent=question)
        assert peer.reply_to(cell, 60)["content"]["status"] == "ok"
    shared_kernel.wait_for(lambda: shared_kernel.is_idle(cell), 10, "idle")
    assert not shared_kernel.stdin, "both front ends were asked"
