//! One cell in evcxr's folder: found among those that were compiled before, or compiled by one call of rustc; by cargo
//! when there is no prelude.

use std::{
    collections::{BTreeSet, HashMap},
    env,
    ffi::OsString,
    fs,
    io::Write,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output, Stdio},
    time::Instant,
};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    COMPILE_ERROR, OBJECT_PATH_FILE, RUSTC, Settings,
    compiled::{Compiled, Known},
    dependencies::{self, Linked},
    direct::{self, Direct, RELATIVE_RUN_PATH},
    end_with_us,
    linker::Linker,
    log,
    messages::{self, Told},
    places::{self, Announced, Defined},
    source::{Session, Source, words},
    stock,
    types::{Named, Names},
    typing::Typing,
};

/// evcxr's name for the crate of a cell.
pub const CELL_CRATE: &str = "ctx";

/// evcxr takes errors as the cell's when they are in a file whose name ends like this.
const SOURCE_FILE: &str = "src/cell_lib.rs";

/// The file that evcxr writes, which cargo compiles.
const EVCXR_SOURCE_FILE: &str = "src/lib.rs";

/// Stands for the name of a source where cargo decides on it.
const CARGO_SOURCE_NAME: &str = "lib.rs";

/// Where objects are made, in the same folder.
const OBJECT_FOLDER: &str = "target/cell";

/// Names what cargo calls in rustc's place for the crate itself, but not for its dependencies.
const WORKSPACE_RUSTC: &str = "RUSTC_WORKSPACE_WRAPPER";

/// The name under which we call rustc so that it names types whole.
const WHOLE_NAMER: &str = "rustc-with-whole-names";

/// In the folder of our stand-ins.
const LINKER_FAILED: &str = "linker-failed";

/// rustc's errors about crates that do not fit, are damaged or missing.
const ABOUT_INSTALLATION: &[&str] = &["E0460", "E0461", "E0462", "E0463", "E0464", "E0514", "E0519", "E0786"];

/// How a cell is compiled.
enum Way {
    /// By rustc, with the prelude and the session's own dependencies.
    Direct(Box<Direct>),
    /// By cargo with these arguments, as evcxr wants it: there is no prelude.
    Cargo { cargo: PathBuf, arguments: Vec<OsString> },
}

/// A cell in the current folder.
pub struct Cell {
    way: Way,
    folder: PathBuf,
    compiled: Compiled,
    names: Names,
    typing: Typing,
    /// Keys of texts that led to the one that is compiled now, and the types that they told.
    pending: Vec<(String, HashMap<String, String>)>,
    /// The author's cell.
    announced: Option<Announced>,
    /// Where earlier cells defined what this one may use.
    defined: Defined,
    /// The name of the source that is compiled.
    source_name: String,
    /// The folder of the driver's settings, when it is the kernel that will run the cell.
    told_in: Option<PathBuf>,
    /// The file whose presence says that the chosen linker is not to be used.
    linker_failed: PathBuf,
    /// Ourselves under [`WHOLE_NAMER`].
    whole_namer: PathBuf,
}

/// What became of a text.
enum Attempt {
    /// It compiled, the object is where evcxr looks. With rustc's warnings.
    Compiled(Vec<Value>),
    /// It compiled, but must be once more: with the types that are known now.
    Again,
    Failed(Vec<Value>),
    /// rustc failed without a word about the code.
    Broken(Output),
}

impl Cell {
    /// The cell in the current folder, or `None` when evcxr did not write one there.
    ///
    /// # Errors
    /// When what it depends on cannot be compiled: cargo's words for why.
    pub fn here(settings: &Settings, arguments: Vec<OsString>) -> Result<Option<Cell>> {
        let manifest = fs::read_to_string("Cargo.toml").unwrap_or_default();
        let opt_level = manifest.lines().find_map(|line| line.strip_prefix("opt-level = "));
        let Some(opt_level) = opt_level.filter(|_| manifest.contains("name = \"ctx\"")) else { return Ok(None) };
        let opt_level = opt_level.trim_matches('"');
        let usable = |prelude: &PathBuf| direct::library(prelude).exists();
        let way = match (settings.prelude.clone().filter(usable), env::var_os(RUSTC)) {
            (Some(prelude), Some(rustc)) => {
                let linked = match depends_on_prelude_only(&manifest) {
                    true => Linked::default(),
                    false => dependencies::ensure(settings, &manifest)?,
                };
                let host = settings.host().to_owned();
                let linker = settings.linker.clone().filter(|_| !settings.folder.join(LINKER_FAILED).exists());
                let (rustc, linker) = (rustc.into(), linker.unwrap_or_default());
                let opt_level = opt_level.to_owned();
                Way::Direct(Box::new(Direct { rustc, host, prelude, opt_level, linked, linker }))
            }
            _ => Way::Cargo { cargo: settings.cargo.clone(), arguments },
        };
        let is_direct = matches!(way, Way::Direct(_));
        Ok(Some(Cell {
            way,
            folder: env::current_dir()?.join(OBJECT_FOLDER),
            compiled: Compiled::open(settings.compiled.as_deref().filter(|_| is_direct)),
            names: Names::read(settings.compiled.as_deref().unwrap_or(&settings.folder)),
            typing: Typing::read(&settings.folder),
            pending: Vec::new(),
            announced: Announced::read(&settings.folder),
            defined: Defined::read(&settings.folder),
            source_name: String::new(),
            told_in: settings.is_for_cells().then(|| settings.folder.clone()),
            linker_failed: settings.folder.join(LINKER_FAILED),
            whole_namer: settings.folder.join(WHOLE_NAMER),
        }))
    }

    /// Compiles what evcxr wrote.
    ///
    /// # Errors
    /// When files cannot be written or rustc cannot be run.
    pub fn compile(mut self, emit: &str) -> Result<ExitCode> {
        fs::create_dir_all(&self.folder)?;
        let text = fs::read_to_string(EVCXR_SOURCE_FILE).context("evcxr wrote no source")?;
        let text = match &self.way {
            Way::Direct(_) => messages::with_reported_errors(&text),
            Way::Cargo { .. } => stock::with_told_errors(&text),
        };
        // Without it, all items are compiled.
        let mut is_reduced = self.announced.is_some();
        loop {
            let source = self.source(&text, is_reduced);
            match self.attempt(&source, emit)? {
                Attempt::Compiled(warnings) => {
                    if emit == "link" {
                        let layouts = source.layouts(self.typing.known());
                        self.typing.keep_layouts(layouts);
                        self.tell(&source, &warnings);
                    }
                    self.typing.save();
                    return self.done(emit);
                }
                Attempt::Again => {}
                Attempt::Failed(errors) if is_reduced && may_miss(&errors, &source.left_out) => is_reduced = false,
                Attempt::Failed(errors) => {
                    let refused = self.typing.refused(&text);
                    match refused.is_empty() {
                        true => messages::report(&errors, Some(&source))?,
                        false => messages::report(&refused, None)?,
                    }
                    self.typing.save();
                    return Ok(ExitCode::from(COMPILE_ERROR));
                }
                // A compiler that was killed says nothing of the linker: once more would run out of memory once more.
                Attempt::Broken(output) if output.status.signal().is_none() && self.gives_up_linker() => {}
                Attempt::Broken(output) => {
                    messages::report_broken(&output)?;
                    return Ok(ExitCode::from(COMPILE_ERROR));
                }
            }
        }
    }

    fn source(&self, text: &str, is_reduced: bool) -> Source {
        let session = Session { typing: &self.typing, defined: &self.defined, cell: self.announced.as_ref() };
        let cell = self.announced.as_ref().filter(|_| is_reduced).map(|cell| cell.text.as_str());
        match &self.way {
            Way::Direct(direct) => Source::sorted(text, &session, cell, direct.linked.has_runtime()),
            Way::Cargo { .. } => Source::plain(text, &session),
        }
    }

    /// Tells the kernel what it cannot know of the object that it runs next.
    fn tell(&mut self, source: &Source, warnings: &[Value]) {
        let Some(folder) = &self.told_in else { return };
        let name = match &self.way {
            Way::Direct(_) => source.name.as_str(),
            Way::Cargo { .. } => CARGO_SOURCE_NAME,
        };
        places::tell(folder, name, &source.table());
        messages::tell(folder, &messages::about_cell(warnings, source));
        if let Some(cell) = &self.announced {
            self.defined.keep(cell);
        }
    }

    fn attempt(&mut self, source: &Source, emit: &str) -> Result<Attempt> {
        let (text, started) = (source.text(), Instant::now());
        self.source_name.clone_from(&source.name);
        fs::write(self.source_file(), &text)?;
        let key = self.compiled.key(&text, &self.call(emit));
        if let Some(attempt) = key.as_deref().and_then(|key| self.recall(source, key)) {
            log("recalled", started);
            return Ok(attempt);
        }
        let output = self.compiler(emit).output().context("cannot run the compiler")?;
        log("compiled", started);
        let mut told = messages::read(self.messages(&output));
        if !output.status.success() {
            let is_told = told.errors.iter().any(messages::is_about_code) && told.others.is_empty();
            let is_told = is_told && !told.errors.iter().any(is_about_installation);
            if let (true, Some(key)) = (is_told, &key) {
                self.compiled.keep_errors(key, &told.errors, &HashMap::new());
            }
            let is_broken = !told.errors.iter().any(messages::is_about_code);
            return Ok(if is_broken { Attempt::Broken(output) } else { Attempt::Failed(told.errors) });
        }
        let again = self.take_types(source, &mut told)?;
        let types = self.typing.of(source);
        match (&again, key) {
            (Some(Attempt::Failed(_)), Some(key)) => {
                self.compiled.keep_errors(&key, &[], &self.typing.refused_of(source))
            }
            (_, Some(key)) if emit == "link" => self.pending.push((key, types)),
            _ => {}
        }
        match again {
            Some(again) => Ok(again),
            None => {
                // A text whose types were only tried leads to the object of the one that has them.
                for (key, types) in self.pending.drain(..) {
                    self.compiled.keep_object(&key, &object(&self.folder), &types, &told.warnings);
                }
                self.pass_on(&output)?;
                Ok(Attempt::Compiled(told.warnings))
            }
        }
    }

    fn recall(&mut self, source: &Source, key: &str) -> Option<Attempt> {
        match self.compiled.find(key)? {
            Known::Errors(errors, refused) => {
                self.typing.recall_refused(source, &refused);
                Some(Attempt::Failed(errors))
            }
            Known::Object(bytes, types, warnings) => {
                let file = object(&self.folder);
                // evcxr took the last one away, and a loaded object must not change.
                let _ = fs::remove_file(&file);
                fs::write(file, bytes).ok()?;
                self.typing.recall(source, &types).then_some(Attempt::Compiled(warnings))
            }
        }
    }

    /// Takes the types that rustc told. Gives what to do if the cell cannot be left as it was compiled.
    fn take_types(&mut self, source: &Source, told: &mut Told) -> Result<Option<Attempt>> {
        let mut again = None;
        let mut whole: Option<HashMap<usize, String>> = None;
        for (line, untyped) in &source.untyped {
            let Some(name) = told.types.remove(line) else {
                self.typing.refuse(untyped, "a type that rustc did not tell");
                again = Some(Attempt::Failed(Vec::new()));
                continue;
            };
            let mut named = self.names.named(&name, &source.items);
            if named == Named::Short {
                let asked = match whole.take() {
                    Some(asked) => asked,
                    None => self.whole_names(source)?,
                };
                let whole_name = asked.get(line).cloned().unwrap_or_default();
                whole = Some(asked);
                self.names.learn(&name, &whole_name);
                named = self.names.named(&whole_name, &source.items);
            }
            match named {
                Named::Known(name) => self.typing.learn(untyped, name),
                Named::ToTry(name) => {
                    self.typing.attempt(untyped, name);
                    again = again.or(Some(Attempt::Again));
                }
                Named::Nameless(name) => {
                    self.typing.refuse(untyped, &name);
                    again = Some(Attempt::Failed(Vec::new()));
                }
                Named::Short => {
                    self.typing.refuse(untyped, &name);
                    again = Some(Attempt::Failed(Vec::new()));
                }
            }
        }
        Ok(again)
    }

    /// The types of the same text's variables, by line, with nothing shortened. None of its code is run.
    fn whole_names(&self, source: &Source) -> Result<HashMap<usize, String>> {
        let started = Instant::now();
        let output = match &self.way {
            Way::Direct(_) => with_whole_names(&mut self.compiler("metadata")).output(),
            // By ourselves in rustc's place for this one crate: cargo must not compile its dependencies anew.
            Way::Cargo { cargo, arguments } => {
                // cargo repeats what the last call said until the source is younger.
                fs::write(EVCXR_SOURCE_FILE, source.text())?;
                Command::new(cargo).args(arguments).env(WORKSPACE_RUSTC, &self.whole_namer).output()
            }
        };
        let output = output.context("cannot run the compiler")?;
        log("asked", started);
        Ok(messages::read(self.messages(&output)).types)
    }

    fn done(&self, emit: &str) -> Result<ExitCode> {
        if let (Some(file), "link", Way::Direct(_)) = (env::var_os(OBJECT_PATH_FILE), emit, &self.way) {
            fs::write(file, object(&self.folder).to_string_lossy().as_bytes())?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What is called, as far as it decides what comes out.
    fn call(&self, emit: &str) -> String {
        let call = match &self.way {
            Way::Direct(direct) => format!("{:?} {}", self.compiler(emit), direct.linked.stamp()),
            Way::Cargo { .. } => format!("{:?}", self.compiler(emit)),
        };
        match call.contains(RELATIVE_RUN_PATH) {
            true => format!("{call} in {}", self.folder.ancestors().nth(4).unwrap_or(&self.folder).display()),
            false => call,
        }
    }

    fn source_file(&self) -> &'static str {
        match self.way {
            Way::Direct(_) => SOURCE_FILE,
            Way::Cargo { .. } => EVCXR_SOURCE_FILE,
        }
    }

    fn compiler(&self, emit: &str) -> Command {
        let mut command = match &self.way {
            Way::Direct(direct) => {
                let mut command = direct.command(emit);
                // By this a panic names the object it was compiled into.
                command.arg(format!("--remap-path-prefix={SOURCE_FILE}={}", self.source_name));
                // Relative, as what is compiled does not depend on where that is.
                command.args(["--out-dir", OBJECT_FOLDER, SOURCE_FILE]);
                command
            }
            Way::Cargo { cargo, arguments } => {
                let mut command = Command::new(cargo);
                // What it says about dependencies is for whoever reads evcxr's output.
                // A wrapper that a person set for builds of their own, as clippy is one, has no say about cells.
                command.args(arguments).stderr(Stdio::inherit()).env_remove(WORKSPACE_RUSTC);
                command
            }
        };
        end_with_us(&mut command);
        command
    }

    /// After a failure that is not about the code: whether it may be the chosen linker's. Then it is not used any more.
    fn gives_up_linker(&mut self) -> bool {
        let Way::Direct(direct) = &mut self.way else { return false };
        let given_up = std::mem::take(&mut direct.linker);
        if given_up == Linker::default() {
            return false;
        }
        log("linker failed", Instant::now());
        // If it cannot be noted the next cell tries it again.
        let _ = fs::write(&self.linker_failed, given_up.name);
        true
    }

    /// Where the compiler of this way puts its messages.
    fn messages<'a>(&self, output: &'a Output) -> &'a [u8] {
        match self.way {
            Way::Direct(_) => &output.stderr,
            Way::Cargo { .. } => &output.stdout,
        }
    }

    /// cargo says where it put the object.
    fn pass_on(&self, output: &Output) -> Result<()> {
        match self.way {
            Way::Direct(_) => Ok(()),
            Way::Cargo { .. } => Ok(std::io::stdout().write_all(&output.stdout)?),
        }
    }
}

fn object(folder: &Path) -> PathBuf {
    folder.join(format!("{}{CELL_CRATE}{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX))
}

/// Whether a crate of evcxr's needs nothing but what the prelude brings.
pub fn depends_on_prelude_only(manifest: &str) -> bool {
    let Some((_, dependencies)) = manifest.split_once("[dependencies]") else { return false };
    dependencies.lines().all(|line| line.trim().is_empty() || line.trim().starts_with("flowdeck ="))
}

/// Makes rustc name types whole. What it compiles then is not run.
pub fn with_whole_names(rustc: &mut Command) -> &mut Command {
    rustc.env("RUSTC_BOOTSTRAP", "1").arg("-Ztrim-diagnostic-paths=no")
}

/// Whether an error is about the files of a toolchain or a prelude, which may be mended: it says nothing about the text.
fn is_about_installation(error: &Value) -> bool {
    error["code"]["code"].as_str().is_some_and(|code| ABOUT_INSTALLATION.contains(&code))
}

/// Whether errors name something of what was left out.
fn may_miss(errors: &[Value], left_out: &BTreeSet<String>) -> bool {
    // Names are between backquotes.
    let names =
        errors.iter().filter_map(|error| error["message"].as_str()).flat_map(|text| text.split('`').skip(1).step_by(2));
    names.flat_map(words).any(|word| left_out.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_name_what_was_left_out_are_told_from_others() {
        let errors = [serde_json::json!({"message": "no method named `area` found for struct `Square`"})];
        assert!(may_miss(&errors, &["area".to_owned()].into()));
        assert!(!may_miss(&errors, &["method".to_owned(), "length".to_owned()].into()));
    }

    #[test]
    fn errors_of_a_damaged_prelude_are_not_kept() {
        assert!(is_about_installation(&serde_json::json!({"code": {"code": "E0786"}})));
        assert!(!is_about_installation(&serde_json::json!({"code": {"code": "E0308"}})));
        assert!(!is_about_installation(&serde_json::json!({"code": null})));
    }

    #[test]
    fn a_crate_with_another_dependency_is_cargos() {
        assert!(depends_on_prelude_only("[dependencies]\nflowdeck = { path = \"/x\" }\n"));
        assert!(depends_on_prelude_only("    [dependencies]\n    flowdeck = { path = \"/x\" }\n    "));
        assert!(!depends_on_prelude_only("[dependencies]\nflowdeck = 1\nrand = 1\n"));
        assert!(!depends_on_prelude_only("[package]\n"));
    }
}
