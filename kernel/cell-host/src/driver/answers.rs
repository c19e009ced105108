//! What evcxr and its rust-analyzer ask cargo and rustc about a cell's crate, answered without them.
//!
//! rust-analyzer is told that there is no standard library and that the crate depends on nothing. It is asked for the
//! types of variables only, and these are written where it looks (see `types`): all it could read would be read for
//! nothing, each time a kernel starts. The process that completes and explains works elsewhere and is told the truth.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use serde_json::json;

/// A version that rust-analyzer expects nothing new of.
const ANY_VERSION: &str = "cargo 1.0.0";

/// An answer in place of a program's.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// It ends well, with this on standard output.
    Says(String),
    /// It fails, which rust-analyzer takes for an answer.
    Fails,
}

/// The answer to a call of cargo in the cell's folder. `None`: cargo itself must say.
pub fn of_cargo(arguments: &[OsString], folder: &Path, only_prelude: bool) -> Option<Answer> {
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    if has("locate-project") {
        let manifest = folder.join("Cargo.toml");
        return Some(Answer::Says(json!({"root": manifest}).to_string()));
    }
    if has("metadata") {
        // evcxr asks too, to know whether new dependencies exist.
        let is_analyser = has("--manifest-path");
        return (is_analyser || only_prelude).then(|| Answer::Says(metadata(folder)));
    }
    if has("--version") {
        return Some(Answer::Says(ANY_VERSION.to_owned()));
    }
    if has("rustc") && has("--print") {
        return Some(about_target(arguments));
    }
    (has("config") && has("get")).then_some(Answer::Fails)
}

/// The answer to a call of rustc in the cell's folder. `None`: rustc itself must say.
pub fn of_rustc(arguments: &[OsString], version: &str) -> Option<Answer> {
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    if has("-vV") || has("-Vv") {
        return Some(Answer::Says(version.to_owned()));
    }
    // Without the answer to this rust-analyzer reads no library.
    if has("--print") && has("sysroot") {
        return Some(Answer::Fails);
    }
    (has("--print") && (has("cfg") || has("target-spec-json"))).then(|| about_target(arguments))
}

/// Conditions of compilation, or the layout of memory: nothing that the types of variables depend on.
fn about_target(arguments: &[OsString]) -> Answer {
    let is_layout = arguments.iter().any(|argument| argument == "target-spec-json");
    let text =
        if is_layout { json!({"data-layout": "e", "arch": std::env::consts::ARCH}).to_string() } else { String::new() };
    Answer::Says(text)
}

/// What `cargo metadata` says of a crate without dependencies.
fn metadata(folder: &Path) -> String {
    let path = |name: &str| folder.join(name);
    let id = format!("path+file://{}#ctx@1.0.0", folder.display());
    let source: PathBuf = path("src/lib.rs");
    json!({
        "packages": [{
            "name": "ctx", "version": "1.0.0", "id": id, "source": null, "dependencies": [], "features": {},
            "manifest_path": path("Cargo.toml"), "edition": "2024",
            "targets": [{
                "kind": ["cdylib"], "crate_types": ["cdylib"], "name": "ctx", "src_path": source, "edition": "2024",
                "doc": true, "doctest": false, "test": true,
            }],
        }],
        "workspace_members": [id],
        "workspace_default_members": [id],
        "resolve": {"nodes": [{"id": id, "dependencies": [], "deps": [], "features": []}], "root": id},
        "target_directory": path("target"),
        "version": 1,
        "workspace_root": folder,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cargo(arguments: &[&str], only_prelude: bool) -> Option<Answer> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        of_cargo(&arguments, Path::new("/cell"), only_prelude)
    }

    #[test]
    fn the_analyser_hears_of_a_crate_without_dependencies() {
        let Some(Answer::Says(text)) = cargo(&["metadata", "--manifest-path", "/cell/Cargo.toml"], false) else {
            panic!("it is answered")
        };
        let answer: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(answer["packages"][0]["dependencies"], json!([]));
        assert_eq!(
            cargo(&["rustc", "-Z", "unstable-options", "--print", "cfg"], true),
            Some(Answer::Says(String::new()))
        );
        assert_eq!(cargo(&["-Z", "unstable-options", "config", "get"], true), Some(Answer::Fails));
    }

    #[test]
    fn new_dependencies_are_cargos_to_judge_and_so_is_building() {
        assert_eq!(cargo(&["metadata", "--format-version=1"], false), None);
        assert!(cargo(&["metadata", "--format-version=1"], true).is_some());
        assert_eq!(cargo(&["build", "--target", "x"], true), None);
    }

    #[test]
    fn what_a_cell_asks_of_rustc_is_not_for_us() {
        let of = |argument: &str| of_rustc(&[OsString::from(argument)], "rustc 1");
        assert_eq!(of("-vV"), Some(Answer::Says("rustc 1".to_owned())));
        assert_eq!(of("main.rs"), None);
    }
}
