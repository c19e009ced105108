//! What is known of the stand-ins for types of variables, from one compilation to the next.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    files, messages,
    source::{Source, Untyped, keeping_line},
};

/// Types by stand-in. The kernel reads them too, for what it shows.
pub struct Typing {
    file: PathBuf,
    known: HashMap<String, String>,
    /// What variables are made of, by variable: see [`Typing::is_redefined`].
    layouts: HashMap<String, String>,
    layouts_file: PathBuf,
    /// The process that completes compiles too, and must not write what it read a while ago.
    is_changed: bool,
    /// Types that may turn out to have no name here.
    tried: Vec<Untyped>,
    refused: Vec<Untyped>,
}

impl Typing {
    /// Those of the kernel with this folder.
    pub fn read(folder: &Path) -> Typing {
        let (file, layouts_file) = (folder.join("types.json"), folder.join("layouts.json"));
        let read =
            |file: &Path| fs::read(file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let (known, layouts) = (read(&file), read(&layouts_file));
        Typing { file, known, layouts, layouts_file, is_changed: false, tried: Vec::new(), refused: Vec::new() }
    }

    /// Types by stand-in.
    pub fn known(&self) -> &HashMap<String, String> {
        &self.known
    }

    /// Whether the type of a variable is made of something else than when the variable was kept.
    ///
    /// rustc's identifier of a type is that of its name and the names of its fields: a variable would be read as what it
    /// is not.
    pub fn is_redefined(&self, variable: &str, layout: &str) -> bool {
        self.layouts.get(variable).is_some_and(|kept| kept != layout)
    }

    /// Remembers what the variables of a compiled cell are made of.
    pub fn keep_layouts(&mut self, layouts: Vec<(String, String)>) {
        for (variable, layout) in layouts {
            self.is_changed |= self.layouts.get(&variable) != Some(&layout);
            self.layouts.insert(variable, layout);
        }
    }

    /// A type that later cells can write.
    pub fn learn(&mut self, untyped: &Untyped, name: String) {
        self.is_changed = true;
        self.known.insert(untyped.stand_in.clone(), name);
    }

    /// A type that the next compilation must show to be one.
    pub fn attempt(&mut self, untyped: &Untyped, name: String) {
        self.tried.push(untyped.clone());
        self.learn(untyped, name);
    }

    /// A type that has no name. It is told to the author.
    pub fn refuse(&mut self, untyped: &Untyped, name: &str) {
        self.refused.push(untyped.clone());
        self.learn(untyped, name.to_owned());
    }

    /// Errors about variables whose types have no name, as evcxr understands them, with evcxr's lines.
    pub fn refused(&self, text: &str) -> Vec<Value> {
        let lost = if self.refused.is_empty() { &self.tried } else { &self.refused };
        let errors = lost.iter().filter_map(|untyped| {
            let line = text.lines().position(|line| keeping_line(line, &untyped.stand_in))?;
            Some(messages::error_at(line + 1, "the type of a variable has no name"))
        });
        errors.collect()
    }

    /// The types of a cell's variables, by variable.
    pub fn of(&self, source: &Source) -> HashMap<String, String> {
        let types = source.untyped.values();
        types
            .filter_map(|untyped| Some((untyped.variable.clone(), self.known.get(&untyped.stand_in)?.clone())))
            .collect()
    }

    /// Variables of a cell whose types have no name, and what rustc calls these.
    pub fn refused_of(&self, source: &Source) -> HashMap<String, String> {
        let is_refused = |untyped: &&Untyped| self.refused.iter().any(|refused| refused.stand_in == untyped.stand_in);
        let refused = source.untyped.values().filter(is_refused);
        refused
            .filter_map(|untyped| Some((untyped.variable.clone(), self.known.get(&untyped.stand_in)?.clone())))
            .collect()
    }

    /// Takes over what an earlier compilation of the same text found to have no name.
    pub fn recall_refused(&mut self, source: &Source, refused: &HashMap<String, String>) {
        for untyped in source.untyped.values() {
            if let Some(name) = refused.get(&untyped.variable) {
                self.refuse(untyped, name);
            }
        }
    }

    /// Takes types over that an earlier compilation of the same text told. Says whether that were all.
    pub fn recall(&mut self, source: &Source, types: &HashMap<String, String>) -> bool {
        let is_told = |untyped: &Untyped| types.contains_key(&untyped.variable);
        if !source.untyped.values().all(is_told) {
            return false;
        }
        for untyped in source.untyped.values() {
            self.learn(untyped, types[&untyped.variable].clone());
        }
        true
    }

    /// For the next compilation.
    pub fn save(&self) {
        if !self.is_changed {
            return;
        }
        // Without it the next cell that uses the variable does not compile, and says so.
        for (file, map) in [(&self.file, &self.known), (&self.layouts_file, &self.layouts)] {
            if let Ok(text) = serde_json::to_vec(map) {
                let _ = files::write_whole(file, &text);
            }
        }
    }
}
