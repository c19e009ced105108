"""What cells show: output complete and in order, one error each, results in SQL and Rust."""

import re

import pytest
from harness import paths
from harness.kernel import Kernel


def test_sql_result_is_a_table_for_people_and_for_text(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute("%%sql\nSELECT 'a<b' AS label, 42 AS n")
    (shown,) = [m for m in cell.outputs if m["msg_type"] in ("execute_result", "display_data")]
    data = shown["content"]["data"]
    assert "42" in data["text/plain"] and "label" in data["text/plain"]
    assert "<table" in data["text/html"] and "a&lt;b" in data["text/html"] and "a<b" not in data["text/html"]


def test_sql_reads_a_zeek_log(shared_kernel: Kernel) -> None:
    log = paths.zeek_conn_log()
    cell = shared_kernel.execute(f"%%sql\nSELECT count(*) AS flows FROM read_flows('{log}')")
    rows = sum(1 for line in log.read_text().splitlines() if line and not line.startswith("#"))
    assert str(rows) in re.sub(r"[ ,_\u202f']", "", cell.text), repr(cell)


def test_sql_table_of_one_cell_is_there_for_the_next(shared_kernel: Kernel) -> None:
    shared_kernel.execute("%%sql --into kept\nSELECT 11 AS n UNION ALL SELECT 22")
    assert "33" in shared_kernel.execute("%%sql\nSELECT sum(n) AS total FROM kept").text


def test_sql_error_is_one_message_with_a_hint(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute("%%sql\nSELECT * FROM no_such_table")
    assert cell.status == "error" and cell.types == ["error"]
    assert "no_such_table" in cell.error_text and "hint:" in cell.error_text
    # The reply says the same: nbclient and papermill read that one.
    for key in ("ename", "evalue", "traceback"):
        assert cell.content[key] == cell.errors[0]["content"][key]


def test_rust_result_and_variable(shared_kernel: Kernel) -> None:
    shared_kernel.execute("let answer = 6 * 7;")
    cell = shared_kernel.execute("answer")
    assert cell.status == "ok" and cell.text == "42"
    (result,) = cell.of_type("execute_result")
    assert result["content"]["execution_count"] == cell.content["execution_count"]


def test_two_thousand_lines_arrive_complete_and_in_order(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute('for n in 0..2000 { println!("line {n}"); }')
    assert cell.stream().splitlines() == [f"line {n}" for n in range(2000)]
    # Jupyter Server stops forwarding above 1,000 messages a second.
    assert len(cell.of_type("stream")) < 200


def test_print_without_newline_shows(shared_kernel: Kernel) -> None:
    assert shared_kernel.execute('print!("no newline");').stream() == "no newline"


def test_stdout_and_stderr_keep_their_order(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute('for n in 0..50 { println!("out {n}"); eprintln!("err {n}"); }')
    everything = "".join(m["content"]["text"] for m in cell.of_type("stream"))
    assert everything.splitlines() == [f"{name} {n}" for n in range(50) for name in ("out", "err")]


def test_display_update_keeps_its_id(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute('flowdeck::display_html("<b>hi</b>");')
    assert cell.types == ["display_data"]
    assert cell.outputs[0]["content"]["data"]["text/html"] == "<b>hi</b>"


def test_compile_error_is_one_message_with_line_and_hint(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute('let first = 1;\nlet second: i32 = "text";\nfirst + second')
    assert cell.status == "error" and cell.types == ["error"]
    assert re.search(r"line 2\b|:2:\d+|^ *2 *[|│]", cell.error_text, re.MULTILINE), cell.error_text
    assert re.search(r"\b(hint|help):", cell.error_text), cell.error_text
    assert "mismatched types" in cell.error_text


@pytest.mark.parametrize(
    "code", ["let = ;", "let;", "let = 3; 1 + 1", "fn fn", "let x = ;", "1 +", ")", 'let s = "open']
)
def test_text_that_is_no_rust_is_an_error(shared_kernel: Kernel, code: str) -> None:
    """Nothing of a cell is passed over in silence: a person would take it for done."""
    cell = shared_kernel.execute(code)
    assert cell.status == "error" and cell.types == ["error"], repr(cell)


def test_several_compile_errors_are_still_one_message(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute("let a: i32 = true;\nlet b: bool = 5;\nundefined_name")
    assert cell.status == "error" and cell.types == ["error"]


def test_panic_is_one_message_and_variables_stay(shared_kernel: Kernel) -> None:
    shared_kernel.execute("let before_panic = 5;")
    cell = shared_kernel.execute('panic!("on purpose")')
    assert cell.status == "error" and cell.types == ["error"]
    assert "on purpose" in cell.error_text
    assert shared_kernel.execute("before_panic").text == "5"


@pytest.mark.parametrize("code", ["", "   \n", "// only a comment", "%%sql\n", "%%sql\n-- only a comment"])
def test_empty_cells_do_no_harm(shared_kernel: Kernel, code: str) -> None:
    cell = shared_kernel.execute(code)
    assert len(cell.errors) == (cell.status == "error")


def test_unknown_magic_is_one_error_that_names_help(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute("%%nosuchmagic\nx")
    assert cell.status == "error" and "%help" in cell.error_text


def test_rust_reads_tables_of_the_engine_with_typed_rows(shared_kernel: Kernel) -> None:
    shared_kernel.execute("%%sql --into ports\nSELECT * FROM (VALUES ('10.0.0.1', 443), ('10.0.0.2', NULL)) AS t(ip, port)")
    cell = shared_kernel.execute(
        'let ports = flowdeck::sql("SELECT ip, port FROM ports ORDER BY ip")?;\n'
        "ports.rows::<(String, Option<u16>)>()?"
    )
    assert cell.text == '[("10.0.0.1", Some(443)), ("10.0.0.2", None)]', repr(cell)
    table = shared_kernel.execute("ports")
    shown = table.of_type("execute_result")[0]["content"]["data"]
    assert "10.0.0.1" in shown["text/html"] and "NULL" in shown["text/html"] and "2 rows" in shown["text/plain"]
    batches = shared_kernel.execute("ports.batches().iter().map(|batch| batch.num_rows()).sum::<usize>()")
    assert batches.text == "2"


def test_question_mark_ends_the_cell_with_the_error_and_its_hint(shared_kernel: Kernel) -> None:
    shared_kernel.execute("let kept = 11;")
    cell = shared_kernel.execute('let lost = flowdeck::sql("SELECT 1 FROM no_such_table")?;')
    assert cell.status == "error" and cell.types == ["error"], repr(cell)
    assert "no_such_table" in cell.error_text and "hint:" in cell.error_text
    assert shared_kernel.execute("kept").text == "11"
    assert shared_kernel.execute("lost").status == "error"


def test_a_caught_panic_does_not_fail_the_cell(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute('std::panic::catch_unwind(|| panic!("caught")).is_err()')
    assert cell.status == "ok" and cell.text == "true", repr(cell)


def test_content_by_the_convention_of_evcxr_is_the_result(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(
        'println!("EVCXR_BEGIN_CONTENT text/html\\n<b>bold</b>\\nEVCXR_END_CONTENT");\n'
        'println!("EVCXR_BEGIN_CONTENT text/plain\\nbold\\nEVCXR_END_CONTENT");'
    )
    (result,) = cell.of_type("execute_result")
    assert result["content"]["data"] == {"text/html": "<b>bold</b>", "text/plain": "bold"}
    assert cell.types == ["execute_result"], "the markers themselves are not shown"


def test_evcxr_display_of_a_users_type_is_the_result(shared_kernel: Kernel) -> None:
    shared_kernel.execute(
        "pub struct Bold(pub &'static str);\n"
        "impl Bold { pub fn evcxr_display(&self) {\n"
        '    println!("EVCXR_BEGIN_CONTENT text/html\\n<b>{}</b>\\nEVCXR_END_CONTENT", self.0);\n'
        "} }"
    )
    (result,) = shared_kernel.execute('Bold("shown")').of_type("execute_result")
    assert result["content"]["data"]["text/html"] == "<b>shown</b>"


def test_what_a_child_program_prints_stays_before_the_next_display(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(
        'std::process::Command::new("echo").arg("from a child").status()?;\nflowdeck::display_html("<i>after</i>");'
    )
    assert cell.types == ["stream", "display_data"], repr(cell)


HOSTS = """use flowdeck::FlowRow;
#[derive(Debug, Clone, PartialEq, FlowRow)]
struct Host { ip: std::net::IpAddr, flows: u64, #[flow(column = "last")] seen: Option<flowdeck::chrono::DateTime<flowdeck::chrono::Utc>> }"""

HOST_ROWS = """SELECT to_ip(ip) AS ip, CAST(flows AS BIGINT UNSIGNED) AS flows, CAST(last AS TIMESTAMP) AS last FROM (VALUES
('10.0.0.1', 18446744073709551615, '2026-11-25T10:00:00'), ('2001:db8::1', 7, NULL)) AS t(ip, flows, last)"""


def test_rows_are_structs_and_structs_are_a_table(shared_kernel: Kernel) -> None:
    assert shared_kernel.execute(HOSTS).status == "ok"
    shared_kernel.execute(f"%%sql --into seen_hosts\n{HOST_ROWS}")
    cell = shared_kernel.execute('let hosts = flowdeck::sql("SELECT * FROM seen_hosts")?.rows::<Host>()?;\nhosts.len()')
    assert cell.text == "2", repr(cell)
    assert "flows: 18446744073709551615" in shared_kernel.execute("hosts").text
    table = shared_kernel.execute('flowdeck::table("Back_Again", &hosts)?')
    assert "10.0.0.1" in table.text and "2001:db8::1" in table.text, repr(table)
    back = shared_kernel.execute("%%sql\nSELECT ip, flows FROM back_again WHERE ip = '10.0.0.0/8' AND last IS NOT NULL")
    assert "18446744073709551615" in back.text.replace(",", "") and "2001" not in back.text
    many = shared_kernel.execute(
        "let many: Vec<Host> = (0..200_000u32).map(|n| Host { ip: n.to_be_bytes().into(), flows: n.into(), seen: None }).collect();\n"
        'flowdeck::table("many_hosts", &many)?.row_count()'
    )
    assert many.text == "200000", repr(many)
    cell = shared_kernel.execute('flowdeck::sql("SELECT sum(flows) AS n FROM many_hosts")?.rows::<(u64,)>()?')
    assert cell.text == f"[({sum(range(200_000))},)]"


def test_rows_that_do_not_fit_say_which_column(shared_kernel: Kernel) -> None:
    shared_kernel.execute(HOSTS)
    for query, words in {
        "SELECT 1 AS flows": ["`ip`", "the columns flows"],
        "SELECT 'x' AS ip, 1 AS flows, NULL AS last": ["`ip`", "IpAddr"],
        "SELECT '10.0.0.1' AS ip, NULL AS flows, NULL AS last": ["`flows`", "NULL", "Option<u64>"],
        "SELECT '10.0.0.1' AS ip, -1 AS flows, NULL AS last": ["`flows`", "Int64", "u64"],
    }.items():
        cell = shared_kernel.execute(f'flowdeck::sql("{query}")?.rows::<Host>()?')
        assert cell.status == "error" and all(word in cell.error_text for word in words), repr(cell)
    cell = shared_kernel.execute("#[derive(flowdeck::FlowRow)] struct Tuple(u8);")
    assert "named fields" in cell.error_text
    cell = shared_kernel.execute('flowdeck::table("select", [Host { ip: [1, 2, 3, 4].into(), flows: 1, seen: None }])?')
    assert "cannot be the name of a table" in cell.error_text
