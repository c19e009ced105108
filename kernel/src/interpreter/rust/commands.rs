//! Lines of a Rust cell that are no Rust: evcxr's `:commands`, of which those pass that make sense in a notebook, `:dep`
//! lines that cargo could not read, a first line as scripts have it, and `extern crate`, which would fetch by itself.
//!
//! evcxr is made for a terminal of its own. Some of its commands would end the kernel or change how cells are compiled
//! behind the build driver's back; each of these is answered with what to do here instead.

use std::{borrow::Cow, collections::BTreeSet};

use super::rewritten;
use crate::report::Report;

/// Commands that pass, with what they do.
const COMMANDS: &[(&str, &str)] = &[
    (":dep", "use another crate: :dep regex = \"1\", or :dep tools = { path = \"../tools\" }"),
    (":show_deps", "the crates that were named by :dep"),
    (":vars", "variables and their types"),
    (":type", "the type of a variable: :type name"),
    (":t", "the same"),
    (":explain", "what the compiler's last error means"),
    (":opt", "how much the compiler optimizes cells: :opt 0, :opt 1, :opt 2"),
    (":clear", "forget all variables, items and crates of Rust cells"),
    (":last_compile_dir", "the folder with the source of the last cell, as it was compiled"),
    (":version", "the version of evcxr"),
    (HELP, "this list"),
];

const HELP: &str = ":help";

/// Commands of evcxr's that do not pass, with the way that there is here.
const INSTEAD: &[(&[&str], &str)] = &[
    (
        &[":quit", ":restart"],
        "restart or shut down the kernel in the menu of the front end; `:clear` forgets variables",
    ),
    (&[":load_config"], "write into a first cell what each session needs"),
    (&[":preserve_vars_on_panic"], "variables are always kept when a cell panics"),
    (&[":fmt", ":types"], "a value is shown by `Displayable` or `Debug`; print it otherwise: println!(\"{value:#?}\")"),
    (&[":efmt"], "an error of `?` is shown by `Display`; for `Debug` write .map_err(|error| format!(\"{error:?}\"))?"),
    (
        &[":toolchain"],
        "the toolchain is the one that is active when the kernel starts: set RUSTUP_TOOLCHAIN for it, or run `rustup default`",
    ),
    (&[":offline"], "what is on this machine is used without asking the network, always"),
    (
        &[":sccache", ":cache", ":clear_cache"],
        "compiled cells are kept by themselves: `flowdeck cache` in a terminal shows and cleans",
    ),
    (&[":linker", ":allow_static_linking"], "the fastest linker of the machine is chosen by `flowdeck install`"),
    (&[":timing"], "the front end shows how long a cell took"),
    (&[":env"], "set it in a cell: unsafe { std::env::set_var(\"NAME\", \"value\") }"),
    (&[":build_env"], "set it in the environment that starts the kernel"),
    (&[":doc"], "put the cursor on the name and press Shift+Tab"),
    (&[":internal_debug", ":last_error_json", ":time_passes", ":codegen_backend"], "it is for work on evcxr itself"),
];

/// What is done with a cell before evcxr sees it.
#[derive(Debug)]
pub enum Verdict {
    /// evcxr may have it.
    Passes,
    /// It asked for the list of commands.
    Helped(String),
    /// It cannot be run.
    Refused(Report),
}

/// Looks at a cell. `declared` are the crates that earlier cells named by `:dep`.
pub fn look(code: &str, declared: &BTreeSet<String>) -> Verdict {
    if code.trim() == HELP {
        return Verdict::Helped(help());
    }
    let refused = lines(code).find_map(|(name, arguments)| refusal(name, arguments));
    match refused.or_else(|| undeclared(code, declared)) {
        Some(report) => Verdict::Refused(report),
        None => Verdict::Passes,
    }
}

/// The crates that a cell names by `:dep`, as code writes their names.
pub fn declared(code: &str) -> impl Iterator<Item = String> {
    let deps = lines(code).filter(|(name, _)| *name == ":dep");
    deps.map(|(_, arguments)| crate_name(arguments).replace('-', "_"))
}

/// Whether a text is offered when a command is completed.
pub fn is_offered(text: &str) -> bool {
    !text.starts_with(':') || COMMANDS.iter().any(|(name, _)| *name == text)
}

/// A cell whose first line is one that scripts begin with, as a comment of the same length.
pub fn without_script_line(code: &str) -> Cow<'_, str> {
    let is_script = code.strip_prefix("#!").is_some_and(|rest| !rest.trim_start().starts_with('['));
    match is_script {
        true => Cow::Owned(code.replacen("#!", "//", 1)),
        false => Cow::Borrowed(code),
    }
}

/// The commands before the first line of Rust, with what follows them. Behind it evcxr takes none.
fn lines(code: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_no_code = |line: &&str| line.is_empty() || line.starts_with("//") || line.starts_with([':', '!']);
    let lines = code.lines().map(str::trim).take_while(is_no_code).filter(|line| line.starts_with(':'));
    lines.map(|line| line.split_once(' ').map_or((line, ""), |(name, arguments)| (name, arguments.trim())))
}

fn refusal(name: &str, arguments: &str) -> Option<Report> {
    let usage = |fact: String| Report::new("UsageError", fact);
    match name {
        HELP => Some(usage("`:help` is a cell of its own".to_owned()).with_hint("remove the other lines of this cell")),
        ":dep" => unreadable(arguments),
        _ if COMMANDS.iter().any(|(known, _)| *known == name) => None,
        _ => {
            let instead = INSTEAD.iter().find(|(names, _)| names.contains(&name)).map(|(_, instead)| *instead);
            let fact = match instead {
                Some(_) => format!("`{name}` is a command of evcxr's that Flowdeck does not have"),
                None => format!("there is no command `{name}`"),
            };
            Some(usage(fact).with_hint(instead.unwrap_or("run `:help` to see the commands there are")))
        }
    }
}

/// What is wrong with a `:dep` that cargo could not read, or should not.
fn unreadable(arguments: &str) -> Option<Report> {
    let name = crate_name(arguments);
    let is_path = name.starts_with(['.', '/']);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let wrong = |fact: String| Some(Report::new("DependencyError", fact).with_hint(DEP_FORMS));
    if name == "flowdeck" {
        return Some(
            Report::new("DependencyError", "`flowdeck` is part of every Rust cell").with_hint("remove the line"),
        );
    }
    if !is_name && !is_path {
        return wrong(format!("`:dep {arguments}` names no crate"));
    }
    let (_, config) = arguments.split_once('=').filter(|_| !is_path)?;
    let read: Result<toml::Table, _> = format!("it = {}", config.trim()).parse();
    let told = match read {
        Ok(table) if table.get("it").is_some_and(|config| config.is_str() || config.is_table()) => return None,
        Ok(_) => "it is neither a version nor a table".to_owned(),
        Err(error) => error.message().lines().next().unwrap_or_default().to_owned(),
    };
    wrong(format!("`:dep {arguments}` cannot be read: {told}"))
}

/// Crates that every toolchain brings.
const OF_THE_TOOLCHAIN: &[&str] = &["std", "core", "alloc", "proc_macro", "test"];

const DEP_FORMS: &str =
    "write `:dep name = \"1.2\"` or `:dep name = { version = \"1.2\", features = [\"…\"] }`, all of it on one line";

fn crate_name(arguments: &str) -> &str {
    arguments.split('=').next().unwrap_or_default().trim()
}

/// evcxr would add such a crate by itself, of whatever version there is.
fn undeclared(code: &str, earlier: &BTreeSet<String>) -> Option<Report> {
    let here: BTreeSet<String> = declared(code).collect();
    let is_known = |name: &String| name == "flowdeck" || here.contains(name) || earlier.contains(name);
    let name = rewritten::extern_crates(code).into_iter().find(|name| !is_known(name))?;
    let hint = match OF_THE_TOOLCHAIN.contains(&name.as_str()) {
        true => "remove the line: `std` has all of it, and needs no `extern crate`".to_owned(),
        false => format!(
            "write `:dep {name} = \"version\"` in place of `extern crate {name};`: `use` and paths need no more than that"
        ),
    };
    Some(Report::new("DependencyError", format!("no `:dep` names the crate `{name}`")).with_hint(hint))
}

fn help() -> String {
    let commands: String = COMMANDS.iter().map(|(name, what)| format!("{name:<18} {what}\n")).collect();
    format!(
        "Commands of Rust cells; they stand on lines of their own before the code:\n\n{commands}\n\
         `%help` tells of everything else. What is kept of compiled cells and crates: `flowdeck cache` in a terminal.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> Option<String> {
        match look(code, &BTreeSet::from(["known".to_owned()])) {
            Verdict::Refused(report) => {
                Some(format!("{}: {} | {}", report.ename, report.evalue, report.traceback.join("\n")))
            }
            _ => None,
        }
    }

    #[test]
    fn commands_that_do_damage_are_refused_with_the_way_there_is() {
        for (names, instead) in INSTEAD {
            for name in *names {
                let told = refused(&format!("// first\n{name} 1\n1 + 1")).expect("it is refused");
                assert!(told.contains(name) && told.contains(instead), "{told}");
                assert!(!is_offered(name));
            }
        }
        assert!(refused(":nonsense").is_some_and(|told| told.contains("no command `:nonsense`")));
    }

    #[test]
    fn commands_that_make_sense_pass_and_are_told() {
        let Verdict::Helped(help) = look(" :help\n", &BTreeSet::new()) else { panic!("it is answered") };
        for (name, _) in COMMANDS.iter().filter(|(name, _)| ![HELP, ":dep"].contains(name)) {
            assert_eq!(refused(&format!("{name} x")), None);
            assert!(help.contains(name) && is_offered(name));
        }
        assert!(refused(":help\n1").is_some_and(|told| told.contains("of its own")));
        // Behind code a colon begins no command.
        assert_eq!(refused("let x = if true { 1 } else { 2 }\n:quit"), None);
        assert!(is_offered("Vec") && !is_offered(":quit"));
    }

    #[test]
    fn dependencies_that_cannot_be_read_are_told_before_cargo_sees_them() {
        for line in [
            "hex = \"0.4\"",
            "hex",
            "own = { path = \"../own\" }",
            "./own",
            "serde = { version = \"1\", features = [\"a=b\"] }",
        ] {
            assert_eq!(refused(&format!(":dep {line}\n1")), None, "{line}");
        }
        for line in ["", "x = {", "x = 5", "x = \"1", "= \"1\"", "a b = \"1\"", "flowdeck = \"1\""] {
            let told = refused(&format!(":dep {line}")).expect(line);
            assert!(
                told.starts_with("DependencyError") && told.contains("hint") && !told.contains("Cargo.toml"),
                "{told}"
            );
        }
    }

    #[test]
    fn a_crate_that_no_line_names_is_not_fetched() {
        assert!(refused("extern crate rand;\n1").is_some_and(|told| told.contains(":dep rand =")));
        assert!(refused("extern crate std;").is_some_and(|told| told.contains("remove the line")));
        for code in
            ["extern crate known;", ":dep own-tools = \"1\"\nextern crate own_tools as t;", "// extern crate x;"]
        {
            assert_eq!(refused(code), None, "{code}");
        }
        assert_eq!(
            declared(":dep own-tools = { path = \"x\" }\n:dep hex\n1").collect::<Vec<_>>(),
            ["own_tools", "hex"]
        );
    }

    #[test]
    fn a_first_line_of_scripts_is_a_comment_and_attributes_are_not() {
        assert_eq!(without_script_line("#!/usr/bin/env flowdeck\n:dep x"), "///usr/bin/env flowdeck\n:dep x");
        assert_eq!(without_script_line("#![allow(unused)]\n1"), "#![allow(unused)]\n1");
        assert_eq!(without_script_line("1\n#! no"), "1\n#! no");
    }
}
