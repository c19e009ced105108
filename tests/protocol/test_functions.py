"""SQL functions that Rust cells define: in every kind of query, on all threads, and never at the cost of the session."""

import re
import time

import pytest
from harness.front_end import FrontEnd
from harness.kernel import Kernel, eventually

# How long a query that is stopped or whose function died may take.
PROMPT_S = 5

TYPES = """
use std::net::IpAddr;
use flowdeck::chrono::{DateTime, Utc};
flowdeck::register_udf("t_bool", |yes: bool| -> bool { !yes })?;
flowdeck::register_udf("t_i64", |n: i64| -> i64 { -n })?;
flowdeck::register_udf("t_u64", |n: u64| -> u64 { n.wrapping_add(1) })?;
flowdeck::register_udf("t_u16", |port: u16| -> u16 { port.swap_bytes() })?;
flowdeck::register_udf("t_f64", |n: f64| -> f64 { n * 2.0 })?;
flowdeck::register_udf("t_text", |text: &str, n: i64| -> String { text.repeat(n as usize) })?;
flowdeck::register_udf("t_owned", |text: String| -> Option<String> { text.strip_prefix("a").map(str::to_owned) })?;
flowdeck::register_udf("t_address", |ip: IpAddr| -> IpAddr { match ip {
    IpAddr::V4(v4) => IpAddr::from((u32::from(v4) + 1).to_be_bytes()), v6 => v6 } })?;
flowdeck::register_udf("t_moment", |t: DateTime<Utc>| -> DateTime<Utc> { t + flowdeck::chrono::TimeDelta::days(1) })?;
flowdeck::register_udf("t_null", |n: Option<i64>| -> i64 { n.unwrap_or(-1) })?;
flowdeck::register_udf("t_result", |text: &str| -> Result<i64, std::num::ParseIntError> { text.parse() })?;
"""

CALLS = {
    "t_bool(true)": "false",
    "t_i64(5)": "-5",
    "t_i64(NULL)": "NULL",
    "t_u64(18446744073709551614)": "18446744073709551615",
    "t_u16(258)": "513",
    "t_f64(2)": "4.0",
    "t_text('ab', 3)": "ababab",
    "t_text(NULL, 3)": "NULL",
    "t_owned('abc')": "bc",
    "t_owned('xbc')": "NULL",
    "t_address('10.0.0.1')": "10.0.0.2",
    "t_address(to_ip('2001:db8::1'))": "2001:db8::1",
    "t_text(to_ip('10.0.0.1'), 1)": "10.0.0.1",
    "t_moment(TIMESTAMP '2026-11-25T10:00:00Z')": "2026-11-26",
    "t_null(NULL)": "-1",
    "t_result('12')": "12",
}

SCORE = 'flowdeck::register_udf("score", |n: i64| -> i64 { if n == 13 { panic!("thirteen is refused") } else { n * 10 } })?;'

ROWS = "SELECT value AS n FROM range(0, {rows})"


def rows_of(kernel: Kernel, query: str) -> list[str]:
    """The rows of a query as they are shown, without head and foot."""
    cell = kernel.execute(f"%%sql\n{query}")
    assert cell.status == "ok", f"{query}\n{cell.error_text}"
    shown = cell.text.splitlines()
    rule = next(place for place, line in enumerate(shown) if line.startswith("─"))
    return [line.strip() for line in shown[rule + 1 : -1]]


def number(kernel: Kernel, query: str) -> str:
    """The one value of a query."""
    (shown,) = rows_of(kernel, query)
    return re.sub(r"[ ,_\u202f']", "", shown)


@pytest.fixture(scope="module")
def types(shared_kernel: Kernel) -> Kernel:
    cell = shared_kernel.execute(TYPES)
    assert cell.status == "ok", cell.error_text
    return shared_kernel


@pytest.mark.parametrize(("call", "shown"), CALLS.items(), ids=CALLS.keys())
def test_values_of_every_type_go_over_and_back(types: Kernel, call: str, shown: str) -> None:
    assert shown in rows_of(types, f"SELECT {call}")[0]


def test_wrong_calls_say_what_the_function_takes(types: Kernel) -> None:
    for call, fact in {
        "t_i64('x')": "needs i64 as argument 1",
        "t_i64(1, 2)": "takes 1 argument",
        "t_u16(70000)": "70000",
        "t_result('x')": "invalid digit",
    }.items():
        cell = types.execute(f"%%sql\nSELECT {call}")
        assert cell.status == "error" and fact in cell.error_text, repr(cell)


@pytest.mark.parametrize(
    "name", ["sum", "abs", "ip_in", "read_flows", "select", "cast", "Extract", "a b", "", "x(1)", "coalesce", "row_number"]
)
def test_names_that_sql_has_already_are_refused(shared_kernel: Kernel, name: str) -> None:
    cell = shared_kernel.execute(f'flowdeck::register_udf("{name}", |n: i64| -> i64 {{ n }})?;')
    assert cell.status == "error" and "cannot be the name of a SQL function" in cell.error_text, repr(cell)
    assert "6" in number(shared_kernel, "SELECT sum(n) FROM (VALUES (1), (5)) AS t(n)")


def test_a_function_works_in_every_part_of_a_query_and_on_many_rows(shared_kernel: Kernel) -> None:
    shared_kernel.execute('flowdeck::register_udf("part", |n: i64| -> i64 { n % 7 })?;')
    rows = 300_000
    query = (
        f"SELECT part(n) AS p, count(*) AS c FROM ({ROWS.format(rows=rows)}) WHERE part(n) <> 6 "
        "GROUP BY part(n) HAVING part(p) < 6 ORDER BY part(p) DESC"
    )
    groups = [tuple(map(int, line.replace(",", "").split())) for line in rows_of(shared_kernel, query)]
    assert groups == [(p, len(range(p, rows, 7))) for p in range(5, -1, -1)]
    # In a form's query, in a view, in a table of a query, and from Rust.
    shared_kernel.execute("%%sql\nCREATE VIEW parts AS SELECT part(value) AS p FROM range(0, 100)")
    assert number(shared_kernel, "SELECT sum(p) FROM parts") == str(sum(n % 7 for n in range(100)))
    shared_kernel.execute("%%sql\nCREATE TABLE kept_parts AS SELECT part(value) AS p FROM range(0, 50)")
    assert number(shared_kernel, "SELECT max(p) FROM kept_parts") == "6"
    cell = shared_kernel.execute('flowdeck::sql("SELECT part(20) AS p")?.rows::<(i64,)>()?')
    assert cell.text == "[(6,)]", repr(cell)


def test_closures_find_what_they_captured(shared_kernel: Kernel) -> None:
    shared_kernel.execute('let bad: std::collections::HashSet<String> = ["a".to_owned(), "b".to_owned()].into();')
    shared_kernel.execute('let kept = bad.clone();\nflowdeck::register_udf("is_bad", move |x: &str| -> bool { kept.contains(x) })?;')
    assert number(shared_kernel, "SELECT count(*) FROM (VALUES ('a'), ('c')) AS t(x) WHERE is_bad(x)") == "1"
    assert shared_kernel.execute("bad.len()").text == "2"


def test_batches_come_as_arrow_arrays(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(
        "use flowdeck::arrow_array::{Array, Int64Array, StringArray, UInt64Array};\n"
        'flowdeck::register_batch_udf("lengths", |texts: &StringArray, more: &Int64Array| -> UInt64Array {\n'
        "    texts.iter().zip(more.iter()).map(|(text, more)| Some(text?.len() as u64 + more? as u64)).collect()\n})?;\n"
        'flowdeck::register_batch_udf("too_few", |n: &Int64Array| -> Int64Array { n.slice(0, n.len() / 2) })?;'
    )
    assert cell.status == "ok", cell.error_text
    assert rows_of(shared_kernel, "SELECT lengths(NULL, 1)") == ["NULL"]
    query = "SELECT sum(lengths(CAST(value AS VARCHAR), value)) FROM range(0, 20000)"
    assert number(shared_kernel, query) == str(sum(len(str(n)) + n for n in range(20000)))
    cell = shared_kernel.execute("%%sql\nSELECT too_few(value) FROM range(0, 100)")
    assert "gave 50 values for 100 rows" in cell.error_text


AGGREGATES = """
flowdeck::register_udaf("longest", || String::new(),
    |best: &mut String, text: &str| if text.len() > best.len() { *best = text.to_owned() },
    |best: &mut String, other: String| if other.len() > best.len() { *best = other },
    |best: &String| -> Option<String> { (!best.is_empty()).then(|| best.clone()) })?;
flowdeck::register_udaf("weighted", || (0.0, 0.0),
    |state: &mut (f64, f64), value: f64, weight: f64| { state.0 += value * weight; state.1 += weight; },
    |state: &mut (f64, f64), other: (f64, f64)| { state.0 += other.0; state.1 += other.1; },
    |state: &(f64, f64)| -> f64 { state.0 / state.1 })?;
"""


def test_aggregates_group_filter_and_run_over_windows(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(AGGREGATES)
    assert cell.status == "ok", cell.error_text
    assert rows_of(shared_kernel, "SELECT longest('x') FROM range(0, 0)") == ["NULL"]
    rows = 200_000
    query = f"SELECT weighted(n, 1) FROM ({ROWS.format(rows=rows)}) GROUP BY n % 1000 ORDER BY 1 LIMIT 1"
    assert float(number(shared_kernel, query)) == sum(range(0, rows, 1000)) / (rows / 1000)
    query = f"SELECT longest(CAST(n AS VARCHAR)) FILTER (WHERE n < 1000) FROM ({ROWS.format(rows=rows)})"
    assert len(number(shared_kernel, query)) == 3
    query = "SELECT max(s) FROM (SELECT weighted(value, 1) OVER (ORDER BY value) AS s FROM range(0, 101))"
    assert float(number(shared_kernel, query)) == 50
    assert "DISTINCT" in shared_kernel.execute("%%sql\nSELECT weighted(DISTINCT value, 1) FROM range(0, 9)").error_text


def test_a_panic_is_an_error_of_the_query_and_the_next_query_works(shared_kernel: Kernel) -> None:
    defining = shared_kernel.execute(f"\n{SCORE}")
    assert defining.status == "ok"
    cell = shared_kernel.execute("%%sql\nSELECT sum(score(value)) FROM range(0, 100000)")
    assert cell.status == "error" and cell.types == ["error"], repr(cell)
    place = f"(in code of cell [{defining.content['execution_count']}], line 2)"
    assert f"`score` panicked: thirteen is refused {place}" in cell.error_text, cell.error_text
    assert number(shared_kernel, "SELECT score(12)") == "120"
    cell = shared_kernel.execute('flowdeck::sql("SELECT score(13)")?')
    assert "thirteen is refused" in cell.error_text and cell.types == ["error"]


def test_a_crash_in_a_function_costs_its_query_alone(shared_kernel: Kernel) -> None:
    shared_kernel.execute('let kept_over_crash = 4; flowdeck::register_udf("fine", |n: i64| -> i64 { n })?;')
    crashes = {
        "segv": ("unsafe { std::ptr::null_mut::<i64>().read_volatile() }", "signal"),
        "abort": ("std::process::abort()", "SIGABRT"),
        "exit": ("std::process::exit(3)", "exit"),
    }
    process = shared_kernel.execute("std::process::id()").text
    for name, (code, word) in crashes.items():
        shared_kernel.execute(f'flowdeck::register_udf("crash", |n: i64| -> i64 {{ if n > 5000 {{ {code} }} else {{ n }} }})?;')
        cell = shared_kernel.execute("%%sql\nSELECT sum(crash(value)) FROM range(0, 20000)", timeout=20)
        assert "`crash` ended the process in which it ran" in cell.error_text, name
        assert word in cell.error_text, cell.error_text
        assert number(shared_kernel, "SELECT fine(3)") == "3"
        assert shared_kernel.execute("kept_over_crash").text == "4"
    assert shared_kernel.execute("std::process::id()").text == process


def test_a_definition_replaces_the_one_before(shared_kernel: Kernel) -> None:
    for factor in (2, 3):
        shared_kernel.execute(f'flowdeck::register_udf("anew", |n: i64| -> i64 {{ n * {factor} }})?;')
        assert number(shared_kernel, "SELECT anew(5)") == str(5 * factor)
    shared_kernel.execute('flowdeck::register_udf("anew", |t: &str| -> String { t.to_uppercase() })?;')
    assert rows_of(shared_kernel, "SELECT anew('abc')") == ["ABC"]
    shared_kernel.execute(AGGREGATES.replace('"longest"', '"anew"'))
    assert rows_of(shared_kernel, "SELECT anew(x) FROM (VALUES ('abc'), ('b')) AS t(x)") == ["abc"]


def test_stop_ends_a_function_that_never_ends(shared_kernel: Kernel) -> None:
    shared_kernel.execute('let kept_over_stop = 6;')
    shared_kernel.execute('flowdeck::register_udf("forever", |n: i64| -> i64 { loop { std::hint::black_box(n); } })?;')
    cell = shared_kernel.start_cell("%%sql\nSELECT forever(value) FROM range(0, 100000)")
    time.sleep(1)
    started = time.monotonic()
    shared_kernel.interrupt()
    stopped = shared_kernel.finish(cell, PROMPT_S)
    assert stopped.status == "error" and time.monotonic() - started < PROMPT_S
    assert shared_kernel.execute("kept_over_stop").text == "6"
    # Nothing computes on: neither a process nor a thread of the engine.
    assert eventually(lambda: not _busy(shared_kernel), 10)
    assert number(shared_kernel, "SELECT count(*) FROM range(0, 10)") == "10"
    cell = shared_kernel.start_cell('println!("running");\nflowdeck::sql("SELECT forever(1)")?', marker="running")
    time.sleep(0.5)
    shared_kernel.interrupt()
    assert shared_kernel.finish(cell, PROMPT_S).status == "error"
    assert shared_kernel.execute("kept_over_stop").text == "6"


def _busy(kernel: Kernel) -> bool:
    return any(child.cpu_percent(0.2) > 50 for child in kernel.children())


def test_what_a_function_prints_is_seen_and_what_it_asks_is_refused(shared_kernel: Kernel) -> None:
    shared_kernel.execute('flowdeck::register_udf("says", |n: i64| -> i64 { println!("n is {n}"); n })?;')
    cell = shared_kernel.execute('flowdeck::sql("SELECT says(41)")?.row_count()')
    assert cell.status == "ok" and "n is 41" in cell.stream(), repr(cell)
    shared_kernel.execute(
        'flowdeck::register_udf("asks", |n: i64| -> Result<i64, flowdeck::Error> { flowdeck::sql("SELECT 1")?; Ok(n) })?;'
    )
    assert "cannot ask the kernel" in shared_kernel.execute("%%sql\nSELECT asks(1)").error_text


def test_forms_call_functions(shared_kernel: Kernel) -> None:
    page = FrontEnd(shared_kernel)
    shared_kernel.execute('flowdeck::register_udf("tenfold", |n: i64| -> i64 { n * 10 })?;')
    shared_kernel.execute('%%form\nfold_limit = { type = "int", default = 4 }\nfold = { type = "button", label = "Go" }')
    shared_kernel.execute("%%sql --on fold --into folded\nSELECT tenfold($fold_limit) AS n")
    page.look()
    page.click(page.find("ButtonModel", description="Go"))
    assert eventually(lambda: "40" in shared_kernel.execute("%%sql\nSELECT n FROM folded").text, 20)


def test_functions_come_back_with_the_copy_after_a_cell_died(shared_kernel: Kernel) -> None:
    shared_kernel.execute('flowdeck::register_udf("stays", |n: i64| -> i64 { n + 1 })?;')
    cell = shared_kernel.execute(
        'flowdeck::register_udf("stays", |n: i64| -> i64 { n + 2 })?;\n'
        'flowdeck::register_udf("goes", |n: i64| -> i64 { n })?;\nstd::process::abort();'
    )
    assert "as they were before this cell" in cell.error_text
    assert number(shared_kernel, "SELECT stays(1)") == "2"
    cell = shared_kernel.execute("%%sql\nSELECT goes(1)")
    assert "no function `goes`" in cell.error_text and "run the cell that defines it again" in cell.error_text
    shared_kernel.execute('flowdeck::register_udf("goes", |n: i64| -> i64 { n })?;')
    assert number(shared_kernel, "SELECT goes(1)") == "1"


def test_functions_are_gone_with_all_variables(shared_kernel: Kernel) -> None:
    shared_kernel.execute('flowdeck::register_udf("cleared", |n: i64| -> i64 { n })?;')
    assert number(shared_kernel, "SELECT cleared(1)") == "1"
    shared_kernel.execute(":clear")
    cell = shared_kernel.execute("%%sql\nSELECT cleared(1)")
    assert "no function `cleared`" in cell.error_text and "run the cell that defines it again" in cell.error_text


def test_no_process_is_left_of_queries_that_ended(shared_kernel: Kernel) -> None:
    shared_kernel.execute('flowdeck::register_udf("short", |n: i64| -> i64 { n })?;')
    before = len(shared_kernel.children())
    for _ in range(5):
        shared_kernel.execute("%%sql\nSELECT sum(short(value)) FROM range(0, 100000)")
    assert eventually(lambda: len(shared_kernel.children()) <= before, 5), shared_kernel.children()


def test_a_function_may_wait_for_a_task(shared_kernel: Kernel) -> None:
    """The copy of the process in which it runs has none of the threads of the runtime that cells share."""
    shared_kernel.execute("flowdeck::task::spawn(async { 1 }).await")
    cell = shared_kernel.execute(
        """flowdeck::register_udf("waits", |n: i64| -> Result<i64, flowdeck::Error> {
    flowdeck::task::block_on(async move {
        flowdeck::task::sleep(std::time::Duration::from_millis(1)).await;
        flowdeck::task::spawn(async move { n + 1 }).await
    })
})?;"""
    )
    assert cell.status == "ok", cell.error_text
    assert number(shared_kernel, "SELECT waits(41) AS n") == "42"


def test_a_function_is_not_kept_waiting_by_a_lock_of_stdout(shared_kernel: Kernel) -> None:
    shared_kernel.execute('flowdeck::register_udf("plain", |n: i64| -> i64 { n })?;')
    cell = shared_kernel.execute('let held = std::io::stdout().lock();\nlet seven = flowdeck::sql("SELECT plain(7) AS n")?.row_count();\ndrop(held);')
    assert cell.status == "ok", cell.error_text
