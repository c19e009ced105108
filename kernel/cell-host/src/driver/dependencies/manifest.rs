//! Manifests: what evcxr writes of dependencies, read, and the crate without code that has them.

/// evcxr's name for a crate with one dependency, by which it asks whether there is such a one.
pub const TRIAL: &str = "evcxr_dummy_validate_dep";

/// Stands before dependencies in a manifest.
pub const SECTION: &str = "[dependencies]";

/// The dependency that every cell has.
pub const PRELUDE: &str = "flowdeck";

/// For a cell that awaits, see `awaits`: the author's tokio, with what a runtime needs, and under a name of ours too.
pub const RUNTIME: &str = "tokio";
pub const RUNTIME_NAME: &str = "flowdeck_tokio";
pub const RUNTIME_FEATURES: &[&str] = &["\"rt-multi-thread\"", "\"time\""];

/// The crate without code. Its profile is that in which the prelude is compiled, or both would be compiled twice.
pub const MANIFEST: &str = r#"[package]
name = "flowdeck-dependencies"
version = "0.0.0"
edition = "2024"

[lib]
path = "lib.rs"

[workspace]

[profile.release]
opt-level = 3
debug = false
strip = "debuginfo"
codegen-units = 16

[dependencies]
"#;

/// The name of that crate.
pub const PACKAGE: &str = "flowdeck-dependencies";

/// Whether the manifest is of cells or a trial for them, and names more than the prelude.
pub fn has_some(manifest: &str) -> bool {
    manifest.contains(TRIAL) || !lines(manifest).is_empty()
}

/// Dependencies of a manifest as evcxr writes them, one on a line, sorted, without the prelude.
pub fn lines(manifest: &str) -> Vec<String> {
    let section = manifest.split_once(SECTION).map_or("", |(_, section)| section);
    let all = section.lines().map(str::trim).filter(|line| line.contains('='));
    let mut lines: Vec<String> = all.filter(|line| name(line) != PRELUDE).map(str::to_owned).collect();
    lines.sort();
    lines
}

pub fn name(line: &str) -> &str {
    line.split('=').next().unwrap_or_default().trim()
}

/// The same with the features of tokio that a runtime needs.
pub fn with_runtime(wanted: &[String]) -> Vec<String> {
    let of_runtime = |line: &String| match name(line) == RUNTIME {
        true => with_features(line, RUNTIME_FEATURES),
        false => line.clone(),
    };
    wanted.iter().map(of_runtime).collect()
}

fn with_features(line: &str, features: &[&str]) -> String {
    let missing: Vec<&str> = features.iter().copied().filter(|feature| !line.contains(feature)).collect();
    let Some((name, config)) = line.split_once('=').filter(|_| !missing.is_empty()) else { return line.to_owned() };
    let (config, features) = (config.trim(), missing.join(", "));
    if config.starts_with('"') {
        return format!("{} = {{ version = {config}, features = [{features}] }}", name.trim());
    }
    match config.find("features").and_then(|place| Some(place + config[place..].find('[')? + 1)) {
        Some(place) => format!("{} = {}{features}, {}", name.trim(), &config[..place], &config[place..]),
        None => format!("{} = {}", name.trim(), config.replacen('{', &format!("{{ features = [{features}],"), 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_as_evcxr_writes_them() {
        let manifest =
            "[package]\nname = \"ctx\"\n\n[dependencies]\nrand = \"0.9\"\nflowdeck = { path = \"/x\" }\nansi = \"1\"\n";
        assert_eq!(lines(manifest), ["ansi = \"1\"", "rand = \"0.9\""]);
        assert!(has_some(manifest) && !has_some("[dependencies]\nflowdeck = { path = \"/x\" }\n"));
        let trial = format!("    [package]\n    name = \"{TRIAL}\"\n    [dependencies]\n    rand = \"0.9\"\n    ");
        assert_eq!(lines(&trial), ["rand = \"0.9\""]);
    }

    #[test]
    fn tokio_gets_what_a_runtime_needs_and_once() {
        let with = |line: &str| with_runtime(&with_runtime(&[line.to_owned()])).concat();
        assert_eq!(with("tokio = \"1\""), "tokio = { version = \"1\", features = [\"rt-multi-thread\", \"time\"] }");
        assert_eq!(
            with("tokio = { version = \"1\", features = [\"time\", \"net\"] }"),
            "tokio = { version = \"1\", features = [\"rt-multi-thread\", \"time\", \"net\"] }"
        );
        assert_eq!(
            with("tokio = { version = \"1\" }"),
            "tokio = { features = [\"rt-multi-thread\", \"time\"], version = \"1\" }"
        );
        assert_eq!(with("rand = \"1\""), "rand = \"1\"");
    }
}
