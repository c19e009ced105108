//! Texts as evcxr 0.22 writes them, and what rustc gets of them.

use std::path::Path;

use super::*;

const HEAD: &str = "#![allow(unused_imports, unused_mut, dead_code)]\n";

/// The function for a cell in a session with variables, each with its type.
fn function(number: u32, taken: &[(&str, &str)], cell: &str, new: &[(&str, &str)]) -> String {
    let each = |variables: &[(&str, &str)], line: &dyn Fn(&str, &str) -> String| -> String {
        variables.iter().map(|(name, kind)| line(name, kind) + "\n").collect()
    };
    let check = |name: &str, kind: &str| format!("{CHECK_LINE}{kind}>(stringify!({name}));");
    let take = |name: &str, kind: &str| format!("let mut {name}{TAKE_LINE}{kind}>(stringify!({name}));");
    let put = |name: &str, kind: &str| format!("{PUT}{kind}>(stringify!({name}), {name});");
    let kept: Vec<_> = taken.iter().filter(|(name, _)| !new.iter().any(|(other, _)| other == name)).copied().collect();
    format!(
        "mod evcxr_internal_runtime {{\nstruct VariableStore {{\n    {STORE_FIELD}\n}}\n}}\n#[unsafe(no_mangle)]\n\
         pub extern \"C\" fn run_user_code_{number}(\n\
         mut evcxr_variable_store: *mut evcxr_internal_runtime::VariableStore)\n  \
         -> *mut evcxr_internal_runtime::VariableStore {{\n{{let mut vars_ok = true;\n{}\
         if !vars_ok {{return evcxr_variable_store;}}}}\n{}match std::panic::catch_unwind(\n  \
         std::panic::AssertUnwindSafe(||{{\n{cell}\n{}}})) {{ \n  Ok(_) => {{}}\n  Err(_) => {{\n    \
         println!(\"EVCXR_PANIC_NOTIFICATION\");\n}}}}\n{}evcxr_variable_store\n}}\n",
        each(taken, &check),
        each(taken, &take),
        each(new, &put),
        each(&kept, &put),
    )
}

const CHECK_LINE: &str = "vars_ok &= evcxr_variable_store.check_variable::<";
const TAKE_LINE: &str = " = evcxr_variable_store.take_variable::<";

fn types(known: &[(&str, &str)]) -> Typing {
    let mut typing = Typing::read(Path::new("/no-such-folder"));
    for (stand_in, name) in known {
        typing.learn(&Untyped { stand_in: (*stand_in).to_owned(), variable: String::new() }, (*name).to_owned());
    }
    typing
}

fn source(text: &str, typing: &Typing, cell: Option<&str>) -> Source {
    let announced = cell.map(|cell| Announced { text: cell.to_owned(), number: 7 });
    let defined = Defined::read(Path::new("/no-such-folder"));
    Source::sorted(text, &Session { typing, defined: &defined, cell: announced.as_ref() }, cell, false)
}

fn sorted(items: &str, function: &str, cell: &str) -> String {
    source(&format!("{HEAD}{items}{function}"), &types(&[]), Some(cell)).text()
}

#[test]
fn a_cell_reads_the_same_whatever_else_is_in_the_session() {
    let alone = sorted("", &function(1, &[("a", "u8")], "a + 1;", &[]), "a + 1;");
    let items = "fn other() {}\nstruct Other;\nimpl Other { fn f(&self) {} }\nuse std::collections::HashMap;\n";
    let later = sorted(items, &function(9, &[("b", "u8"), ("a", "u8")], "a + 1;", &[]), "a + 1;");
    assert_eq!(alone, later);
    assert!(!later.contains("stringify!(b)") && later.contains("use flowdeck::evcxr_store"), "{later}");
}

#[test]
fn the_order_of_hash_maps_does_not_matter() {
    let (one, two) = ("fn one() { two() }\n", "fn two() {}\n");
    let text = |items: [&str; 2], variables: [(&str, &str); 2]| {
        sorted(&items.concat(), &function(3, &variables, "one(); a + b;", &[]), "one(); a + b;")
    };
    let forwards = text([one, two], [("a", "u8"), ("b", "u8")]);
    assert_eq!(forwards, text([two, one], [("b", "u8"), ("a", "u8")]));
    assert!(forwards.contains(one.trim()) && forwards.contains(two.trim()), "what is needed is there: {forwards}");
}

#[test]
fn a_definition_reads_the_same_the_second_time() {
    let cell = "let x: u8 = 1;";
    let first = sorted("", &function(1, &[], cell, &[("x", "u8")]), cell);
    assert_eq!(first, sorted("", &function(2, &[("x", "u8")], cell, &[("x", "u8")]), cell));
    let cell = "let x: u8 = x + 1;";
    let used = sorted("", &function(2, &[("x", "u8")], cell, &[("x", "u8")]), cell);
    assert!(used.contains("take_variable::<u8>(stringify!(x))"), "{used}");
}

#[test]
fn a_cell_without_variables_is_that_of_a_session_without_any() {
    let fresh = "#[unsafe(no_mangle)]\npub extern \"C\" fn run_user_code_1(\nevcxr_variable_store: *mut u8) -> *mut u8 {\n\
                 if std::panic::catch_unwind(||{\nshow(1);\n}).is_err() {\n    println!(\"EVCXR_PANIC_NOTIFICATION\");\n\
                 }\nevcxr_variable_store\n}\n";
    assert_eq!(sorted("", fresh, "show(1);"), sorted("", &function(7, &[("a", "u8")], "show(1);", &[]), "show(1);"));
}

#[test]
fn a_comment_behind_an_item_is_that_items() {
    let (one, two) = ("struct One; // first\n", "/// Counts.\nfn two(_: One) {} // second\n");
    let text = |items: [&str; 3]| sorted(&items.concat(), &function(1, &[], "two(One);", &[]), "two(One);");
    let import = "use std::fmt::Write;\n";
    let forwards = text([one, two, import]);
    assert_eq!(forwards, text([import, two, one]));
    assert_eq!(forwards, text([two, import, one]));
    assert!(forwards.contains("/// Counts.\nfn two(_: One)"), "what documents an item is a part of it: {forwards}");
}

#[test]
fn panics_are_caught_by_what_the_prelude_has_compiled() {
    let frame = "if !::flowdeck::completed(||{\n";
    let end = "}) {\n\n\n    println!(\"EVCXR_PANIC_NOTIFICATION\");\n}\n";
    for variables in [&[][..], &[("a", "u8")]] {
        let text = sorted("", &function(1, variables, "a;", &[]), "a;");
        assert!(text.contains(frame) && !text.contains("catch_unwind"), "{text}");
        assert_eq!(text.contains(end), !variables.is_empty(), "{text}");
    }
    let own = "fn f() { std::panic::catch_unwind(|| 1).is_err() }";
    assert!(sorted("", &function(1, &[], own, &[]), own).contains(own), "the author's own is left alone");
}

#[test]
fn what_a_cell_names_is_there_with_what_that_needs() {
    let items = "struct Square(f64);\ntrait Area { fn area(&self) -> f64; }\n\
                 impl Area for Square { fn area(&self) -> f64 { self.0 } }\nfn square() -> Square { Square(1.0) }\n\
                 macro_rules! unused { () => {} }\nuse std::fmt::Write;\nuse std::rc::Rc;\n";
    let text = sorted(items, &function(1, &[], "square().area();", &[]), "square().area();");
    for needed in ["fn square()", "struct Square", "trait Area", "impl Area for Square", "use std::fmt::Write"] {
        assert!(text.contains(needed), "`{needed}` is missing in {text}");
    }
    assert!(!text.contains("macro_rules! unused") && !text.contains("Rc"), "{text}");
}

#[test]
fn a_type_that_only_a_variable_has_brings_its_items() {
    let items = "struct Deep;\nimpl Drop for Deep { fn drop(&mut self) {} }\n";
    let function = function(1, &[("a", "FlowdeckType4")], "drop(a);", &[]);
    let types = types(&[("FlowdeckType4", "Vec<Deep>")]);
    let source = source(&format!("{HEAD}{items}{function}"), &types, Some("drop(a);"));
    let text = source.text();
    assert!(text.contains("impl Drop for Deep") && text.contains("take_variable::<Vec<Deep>>"), "{text}");
}

#[test]
fn items_of_the_cell_itself_are_compiled_though_nothing_names_them() {
    let item = "fn wrong() -> u8 { \"\" }";
    let function = "#[unsafe(no_mangle)]\npub extern \"C\" fn run_user_code_1(\nmut x: *mut u8) -> *mut u8 {x}\n";
    assert!(sorted(&format!("{item}\n"), function, item).contains(item));
    assert!(!sorted(&format!("{item}\n"), function, "1").contains(item));
    assert!(source(&format!("{HEAD}{item}\n{function}"), &types(&[]), None).text().contains(item));
}

#[test]
fn an_implementation_that_comes_twice_is_compiled_once() {
    let item = "impl S { fn f() {} }\n";
    let text = sorted(&format!("struct S;\n{item}{item}"), &function(1, &[], "S::f();", &[]), "S::f();");
    assert_eq!(text.matches("impl S").count(), 1, "{text}");
}

#[test]
fn a_question_mark_keeps_its_frame_and_others_lose_it() {
    let framed =
        |cell: &str| format!("let _ = (|| -> std::result::Result<(), EvcxrUserCodeError> {{\n{cell}\nOk(())}})();");
    let error = "\n            struct EvcxrUserCodeError {}\n";
    let text = |cell: &str| sorted(error, &function(1, &[("a", "u8")], &framed(cell), &[]), cell);
    assert!(text("f(a)?;").contains("struct EvcxrUserCodeError {}"));
    assert_eq!(text("f(a);"), sorted("", &function(1, &[("a", "u8")], "f(a);", &[]), "f(a);"));
}

#[test]
fn lines_keep_the_numbers_that_evcxr_knows_them_by() {
    let text = format!("{HEAD}fn unused() {{}}\n{}", function(1, &[("b", "u8"), ("a", "u8")], "a + b;\nwrong;", &[]));
    let source = source(&text, &types(&[]), Some("a + b;\nwrong;"));
    let ours = source.text().lines().position(|line| line == "wrong;").expect("it is there") + 1;
    let evcxrs = text.lines().position(|line| line == "wrong;").expect("it is there") + 1;
    assert_ne!(ours, evcxrs);
    assert_eq!(source.evcxr_line(ours), evcxrs);
}

#[test]
fn an_unknown_type_is_asked_for_once_and_known_ones_are_written() {
    let cell = "let x: FlowdeckType7 = y;";
    let function = function(1, &[("y", "FlowdeckType3")], cell, &[("x", "FlowdeckType7")]);
    let source = source(&format!("{HEAD}{function}"), &types(&[("FlowdeckType3", "u8")]), Some(cell));
    let text = source.text();
    assert!(text.contains("let x: _ = y;") && text.contains("take_variable::<u8>(stringify!(y))"), "{text}");
    let asked: Vec<_> = source.untyped.iter().collect();
    let [(line, untyped)] = asked[..] else { panic!("one type is unknown: {asked:?}") };
    assert_eq!((untyped.stand_in.as_str(), untyped.variable.as_str()), ("FlowdeckType7", "x"));
    assert!(
        text.lines()
            .nth(line - 1)
            .is_some_and(|line| line.contains("&x as *const _") && line.contains("put_variable::<_>"))
    );
}

#[test]
fn what_is_not_evcxrs_is_left_alone() {
    let text = "fn main() {}\n// end\n";
    assert_eq!(source(text, &types(&[]), Some("")).text(), text);
    let broken = format!("{HEAD}fn broken( {{\n{}", function(1, &[], "1;", &[]));
    assert!(source(&broken, &types(&[]), Some("1;")).text().contains("fn broken( {"));
}

#[test]
fn a_variable_whose_type_was_defined_anew_is_lost() {
    let source = |definition: &str, typing: &Typing, taken: &[(&str, &str)], new: &[(&str, &str)]| {
        let items = format!("{definition}\nstruct Outer(Inner);\n");
        source(&format!("{HEAD}{items}{}", function(1, taken, "use_it(o);", new)), typing, Some("use_it(o);"))
    };
    let mut typing = types(&[("FlowdeckType1", "Vec<Outer>")]);
    let defining = source("struct Inner(u64);", &typing, &[], &[("o", "FlowdeckType1")]);
    typing.keep_layouts(defining.layouts(typing.known()));
    let taken = [("o", "FlowdeckType1")];
    assert!(source("struct Inner(u64);", &typing, &taken, &[]).text().contains("check_variable::<Vec<Outer>>"));
    assert!(!source("struct Inner(Box<u8>);", &typing, &taken, &[]).text().contains("check_variable::<Vec<Outer>>"));
}

#[test]
fn only_a_cell_that_awaits_is_waited_for() {
    let cell = "let y: u8 = f(x).await;";
    let text = sorted("", &function(1, &[("x", "u8")], cell, &[("y", "u8")]), cell);
    let (begin, end) = (text.find("block_on(async {"), text.find("\n});\n}) {"));
    let put = text.find("put_variable::<u8>(stringify!(y)");
    assert!(begin < text.find(cell) && text.find(cell) < put && put < end && end.is_some(), "{text}");
    let plain = sorted("", &function(1, &[], "async fn g() { h().await }", &[]), "async fn g() { h().await }");
    assert!(!plain.contains("block_on"), "{plain}");
    let error = "\n            struct EvcxrUserCodeError {}\n";
    let framed = "let _ = (|| -> std::result::Result<(), EvcxrUserCodeError> {\nf().await?;\nOk(())})();";
    let text = sorted(error, &function(1, &[], framed, &[]), "f().await?;");
    assert!(text.contains("= flowdeck::task::block_on(async {\nf().await?;\nOk(())});"), "{text}");
    assert!(text.contains("struct EvcxrUserCodeError {}"), "{text}");
}

/// A cell whose statement is behind an item and on that one's line, in a session with an item of cell [3].
fn of_three_places() -> (tempfile::TempDir, String, Announced) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let earlier =
        Announced { text: "fn other() {} // said\n// said\nfn earlier() {\n    panic!()\n}\n".to_owned(), number: 3 };
    Defined::read(folder.path()).keep(&earlier);
    let text =
        "use std::{fmt, io::Write as _};\nfn f() {} let x: FlowdeckType7 = y + z; // said\nearlier();".to_owned();
    let items =
        "use std::fmt;\nuse std::io::Write as _;\n// said\n// said\nfn earlier() {\n    panic!()\n}\nfn f() {} \n";
    let statements = "let x: FlowdeckType7 = y + z; // said\nearlier();";
    let function = function(1, &[("y", "u8"), ("z", "u8")], statements, &[("x", "FlowdeckType7")]);
    (folder, format!("{HEAD}{items}{function}"), Announced { text, number: 7 })
}

#[test]
fn each_line_knows_its_cell() {
    let (folder, text, cell) = of_three_places();
    let (typing, defined) = (types(&[]), Defined::read(folder.path()));
    let session = Session { typing: &typing, defined: &defined, cell: Some(&cell) };
    for source in [Source::sorted(&text, &session, Some(&cell.text), false), Source::plain(&text, &session)] {
        let place = |part: &str| {
            let line = source.lines.iter().position(|line| line.text.contains(part)).expect("it is there");
            source.table()[line]
        };
        assert_eq!(place("io::Write as _;"), Some((7, 1)));
        assert_eq!(place("fn f()"), Some((7, 2)));
        assert_eq!(place("let x: _"), Some((7, 2)));
        assert_eq!(place("earlier();"), Some((7, 3)));
        assert_eq!(place("panic!()"), Some((3, 4)));
        assert_eq!(place("put_variable"), None);
    }
}

#[test]
fn messages_carry_the_authors_places() {
    let (folder, text, cell) = of_three_places();
    let (typing, defined) = (types(&[]), Defined::read(folder.path()));
    let session = Session { typing: &typing, defined: &defined, cell: Some(&cell) };
    let source = Source::sorted(&text, &session, Some(&cell.text), false);
    let span = |part: &str, column: usize| {
        let line = source.lines.iter().position(|line| line.text.contains(part)).expect("it is there") + 1;
        serde_json::json!({
            "file_name": source.name, "line_start": line, "line_end": line, "column_start": column,
            "column_end": column + 1, "is_primary": true,
        })
    };
    let message =
        |span: serde_json::Value| serde_json::json!({"message": "no", "spans": [span], "code": {"code": "x"}});
    let placed = |span| super::super::messages::placed(&message(span), &source)["spans"][0].clone();
    let shown = placed(span("let x: _", "let x: _ = y".len()));
    let column = "fn f() {} let x: FlowdeckType7 = y".len();
    assert_eq!((&shown["cell"]["line_start"], &shown["cell"]["column_start"]), (&2.into(), &column.into()), "{shown}");
    assert_eq!(
        (&shown["file_name"], &shown["column_start"]),
        (&"src/lib.rs".into(), &(column - "fn f() {} ".len()).into())
    );
    let import = placed(span("io::Write", 5));
    assert_eq!((&import["cell"]["line_start"], &import["cell"]["column_start"]), (&1.into(), &16.into()), "{import}");
    let earlier = placed(span("panic!()", 5));
    assert_eq!(earlier["earlier"], serde_json::json!({"cell": 3, "line": 4}));
    let generated = placed(span("put_variable", 5));
    assert!(generated["cell"].is_null() && generated["earlier"].is_null(), "{generated}");
    let warnings = [message(span("earlier();", 1)), message(span("panic!()", 5)), message(span("put_variable", 1))];
    assert_eq!(super::super::messages::about_cell(&warnings, &source).len(), 1, "others are not the cell's");
    let line = source.lines.iter().position(|line| line.text == "earlier();").expect("it is there") + 1;
    let text = serde_json::json!(format!("found `{{closure@{}:{line}:1: {line}:9}}` here", source.name));
    assert_eq!(super::super::messages::placed(&text, &source), "found `{closure@line 3}` here");
}

#[test]
fn the_name_of_a_source_is_the_same_whatever_its_types() {
    let (folder, text, cell) = of_three_places();
    let defined = Defined::read(folder.path());
    let name = |typing: &Typing| {
        let session = Session { typing, defined: &defined, cell: Some(&cell) };
        Source::sorted(&text, &session, Some(&cell.text), false).name
    };
    assert_eq!(name(&types(&[])), name(&types(&[("FlowdeckType7", "u8")])));
    assert!(name(&types(&[])).starts_with(SOURCE_NAME));
}

#[test]
fn an_implementation_that_is_edited_replaces_the_one_of_an_earlier_cell() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (first, second) = ("impl S { fn f() { one() } }", "impl S { fn f() { two() } }");
    for (number, text) in [(1, first), (2, second)] {
        Defined::read(folder.path()).keep(&Announced { text: text.to_owned(), number });
    }
    let (typing, defined) = (types(&[]), Defined::read(folder.path()));
    let text = |cell: &str, items: [&str; 2]| {
        let cell = Announced { text: cell.to_owned(), number: 9 };
        let session = Session { typing: &typing, defined: &defined, cell: Some(&cell) };
        let text = format!("{HEAD}struct S;\n{}\n{}\n{}", items[0], items[1], function(1, &[], "S::f();", &[]));
        Source::sorted(&text, &session, Some(&cell.text), false).text()
    };
    let later = text("S::f();", [second, first]);
    assert!(later.contains("two()") && !later.contains("one()"), "{later}");
    let again = text(&format!("{first}\nS::f();"), [first, second]);
    assert!(again.contains("one()") && !again.contains("two()"), "what the cell defines counts: {again}");
}
