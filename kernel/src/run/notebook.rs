//! A notebook as a file: its cells in, their outputs out. Format 4; what is not understood is kept as it is.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value, json};

/// The largest notebook that is read, bytes.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// From this minor version of the format on, cells have identifiers.
const MINOR_WITH_IDS: u64 = 5;

/// Names the cell with the default parameters, as papermill has it.
const PARAMETERS_TAG: &str = "parameters";

/// Names a cell that a run has put in, as papermill has it.
const INJECTED_TAG: &str = "injected-parameters";

/// A cell that fails on purpose: the run goes on.
const MAY_FAIL_TAG: &str = "raises-exception";

/// A notebook.
#[derive(Clone, Debug)]
pub struct Notebook(Map<String, Value>);

/// A code cell.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeCell {
    /// Its place among all cells.
    pub index: usize,
    /// Names it during a run; its identifier where it has one.
    pub id: String,
    /// Its text.
    pub source: String,
    /// Whether it holds the default parameters.
    pub has_parameters: bool,
    /// Whether the run goes on when it fails.
    pub may_fail: bool,
}

impl Notebook {
    /// Reads a notebook. Cells that an earlier run has put in are left out.
    ///
    /// # Errors
    /// When it cannot be read or is no notebook of format 4.
    pub fn read(path: &Path) -> Result<Notebook> {
        let shown = path.display();
        let length = std::fs::metadata(path).with_context(|| format!("there is no notebook `{shown}`"))?.len();
        if length > BYTES_MAX {
            bail!("`{shown}` has {length} bytes; {BYTES_MAX} are the most");
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
        Notebook::parse(&text).map_err(|error| anyhow!("`{shown}` is no notebook: {error}"))
    }

    fn parse(text: &str) -> Result<Notebook> {
        let Value::Object(mut json) = serde_json::from_str(text)? else { bail!("it is no dictionary") };
        match json.get("nbformat").and_then(Value::as_u64) {
            Some(4) => {}
            Some(other) => bail!("its format is {other}, and 4 is needed\nhint: open and save it in JupyterLab"),
            None => bail!("it does not tell its format"),
        }
        let Some(Value::Array(cells)) = json.get_mut("cells") else { bail!("it has no cells") };
        if !cells.iter().all(Value::is_object) {
            bail!("a cell of it is no dictionary");
        }
        cells.retain(|cell| !has_tag(cell, INJECTED_TAG));
        Ok(Notebook(json))
    }

    /// The code cells in order.
    pub fn code_cells(&self) -> Vec<CodeCell> {
        let cells = self.cells().iter().enumerate().filter(|(_, cell)| cell["cell_type"] == "code");
        let code = cells.map(|(index, cell)| CodeCell {
            index,
            id: cell["id"].as_str().map_or_else(|| format!("cell-{index}"), str::to_owned),
            source: joined(&cell["source"]),
            has_parameters: has_tag(cell, PARAMETERS_TAG),
            may_fail: has_tag(cell, MAY_FAIL_TAG),
        });
        code.collect()
    }

    /// Puts in a cell that tells the parameters of a run: behind the one with the defaults, else before all code.
    pub fn inject(&mut self, name: &str, source: &str) {
        let code = self.code_cells();
        let defaults = code.iter().find(|cell| cell.has_parameters).map(|cell| cell.index + 1);
        let place = defaults.or_else(|| Some(code.first()?.index)).unwrap_or(self.cells().len());
        let mut cell = json!({
            "cell_type": "code", "execution_count": null, "metadata": {"tags": [INJECTED_TAG]}, "outputs": [],
            "source": source,
        });
        if self.0.get("nbformat_minor").and_then(Value::as_u64).is_some_and(|minor| minor >= MINOR_WITH_IDS) {
            cell["id"] = format!("{INJECTED_TAG}-{name}").into();
        }
        self.cells_mut().insert(place, cell);
    }

    /// Sets what a code cell put out, and what is told about its run.
    pub fn set(&mut self, index: usize, count: Option<u64>, outputs: Vec<Value>, run: Value) {
        let Some(cell) = self.cells_mut().get_mut(index) else { return };
        cell["execution_count"] = json!(count);
        cell["outputs"] = outputs.into_iter().map(as_saved).collect();
        if !cell["metadata"].is_object() {
            cell["metadata"] = json!({});
        }
        cell["metadata"]["papermill"] = run;
    }

    /// Sets a key of the notebook's metadata.
    pub fn set_metadata(&mut self, key: &str, value: Value) {
        let metadata = self.0.entry("metadata").or_insert_with(|| json!({}));
        if !metadata.is_object() {
            *metadata = json!({});
        }
        metadata[key] = value;
    }

    /// What it is called by people: the title of its metadata, else its first heading.
    pub fn title(&self) -> Option<String> {
        let told = self.0.get("metadata").and_then(|metadata| metadata["title"].as_str().map(str::to_owned));
        let texts =
            self.cells().iter().filter(|cell| cell["cell_type"] == "markdown").map(|cell| joined(&cell["source"]));
        let heading =
            |text: String| text.lines().find_map(|line| line.strip_prefix("# ").map(|line| line.trim().to_owned()));
        told.or_else(|| texts.filter_map(heading).next())
    }

    /// As the text of a file.
    ///
    /// # Errors
    /// None that is known: it was read as JSON.
    pub fn text(&self) -> Result<String> {
        // One space, as nbformat writes them: the files of two runs compare line by line.
        let mut text = Vec::new();
        let format = serde_json::ser::PrettyFormatter::with_indent(b" ");
        serde::Serialize::serialize(&self.0, &mut serde_json::Serializer::with_formatter(&mut text, format))?;
        text.push(b'\n');
        Ok(String::from_utf8(text)?)
    }

    fn cells(&self) -> &[Value] {
        self.0.get("cells").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    fn cells_mut(&mut self) -> &mut Vec<Value> {
        match self.0.get_mut("cells") {
            Some(Value::Array(cells)) => cells,
            _ => unreachable!("a notebook that was read has cells"),
        }
    }
}

fn has_tag(cell: &Value, tag: &str) -> bool {
    cell["metadata"]["tags"].as_array().is_some_and(|tags| tags.iter().any(|known| known == tag))
}

/// Notebooks hold a text as one or as a list of lines.
fn joined(text: &Value) -> String {
    match text {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => text.as_str().unwrap_or_default().to_owned(),
    }
}

/// An output with the keys that the format has for it, and no others.
fn as_saved(output: Value) -> Value {
    let Value::Object(mut output) = output else { return output };
    let keys: &[&str] = match output.get("output_type").and_then(Value::as_str) {
        Some("stream") => &["output_type", "name", "text"],
        Some("error") => &["output_type", "ename", "evalue", "traceback"],
        Some("execute_result") => &["output_type", "execution_count", "data", "metadata"],
        _ => &["output_type", "data", "metadata"],
    };
    output.retain(|key, _| keys.contains(&key.as_str()));
    Value::Object(output)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn notebook(cells: Value) -> Notebook {
        let json = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
        Notebook::parse(&json.to_string()).unwrap()
    }

    fn code(id: &str, source: Value, tags: Value) -> Value {
        let metadata = json!({"tags": tags});
        json!({"cell_type": "code", "id": id, "source": source, "metadata": metadata, "outputs": [], "execution_count": null})
    }

    #[test]
    fn what_a_run_puts_in_stands_behind_the_defaults_and_goes_with_the_next_run() {
        let text = json!({"cell_type": "markdown", "id": "t", "source": "# T", "metadata": {}});
        let first = code("a", json!(["let x = 1;\n", "x"]), json!([]));
        let mut without = notebook(json!([text, first]));
        without.inject("form", "%%parameters\nx = 2");
        let ids: Vec<&str> = without.cells().iter().map(|cell| cell["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["t", "injected-parameters-form", "a"]);
        assert_eq!(without.code_cells()[1].source, "let x = 1;\nx");
        let mut with = notebook(json!([first, code("p", json!("let y = 1;"), json!(["parameters"])), text]));
        with.inject("form", "");
        let again = Notebook::parse(&with.text().unwrap()).unwrap();
        assert_eq!(with.code_cells().iter().map(|cell| cell.index).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(again.code_cells().len(), 2);
    }

    #[test]
    fn outputs_have_the_keys_of_the_format_alone() {
        let mut with = notebook(json!([code("a", json!("1"), json!([]))]));
        let display =
            json!({"output_type": "display_data", "data": {}, "metadata": {}, "transient": {"display_id": "d"}});
        let result =
            json!({"output_type": "execute_result", "data": {}, "metadata": {}, "execution_count": 3, "transient": {}});
        with.set(0, Some(3), vec![display, result], json!({"status": "completed"}));
        let outputs = &with.cells()[0]["outputs"];
        assert_eq!(outputs[0], json!({"output_type": "display_data", "data": {}, "metadata": {}}));
        assert_eq!(outputs[1]["execution_count"], 3);
        assert!(outputs[1].get("transient").is_none());
    }

    #[test]
    fn what_is_no_notebook_says_why() {
        for (text, fact) in [
            ("[]", "no dictionary"),
            ("{}", "format"),
            ("{\"nbformat\": 3, \"worksheets\": []}", "format is 3"),
            ("{\"nbformat\": 4}", "no cells"),
            ("{\"nbformat\": 4, \"cells\": [1]}", "a cell of it"),
            ("{", "EOF"),
        ] {
            let error = Notebook::parse(text).unwrap_err().to_string();
            assert!(error.contains(fact), "{text}: {error}");
        }
    }
}
