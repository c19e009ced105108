//! Runs a cell: the contract "cell in, outputs out, then done or a report".
//!
//! One module per language. Outputs go out while the cell runs; the report of a failure is published by the caller.

pub mod form;
pub mod magic;
pub mod report;
pub mod rust;
pub mod sql;

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::{
    cell::Cell, form::Forms, kernel::Kernel, outputs::Outputs, report::Report, stdin::Prompt, table::Tables,
    widgets::Widgets,
};

/// What runs cells.
pub struct Interpreters {
    /// Rust cells.
    pub rust: rust::RustCells,
}

/// One cell to run.
pub struct Job {
    /// The kernel it runs in.
    pub kernel: Arc<Kernel>,
    /// Where its outputs go.
    pub outputs: Outputs,
    /// Asks its front end for input.
    pub prompt: Prompt,
    /// Cancelled when the user interrupts.
    pub cancel: CancellationToken,
}

/// A cell that ended well.
#[derive(Debug, Default)]
pub struct Done {
    /// Payloads of the reply: pages of help.
    pub payload: Vec<Value>,
    /// The value of the cell as text, for the history.
    pub result_text: Option<String>,
    /// The values of the expressions that were asked for with the cell, by name.
    pub user_expressions: Map<String, Value>,
}

impl Interpreters {
    /// The interpreters of a kernel.
    pub fn new(rust: rust::RustCells) -> Interpreters {
        Interpreters { rust }
    }

    /// Starts in the background what a first cell would otherwise wait for.
    pub fn warm_up(&self, widgets: Arc<Widgets>, forms: Arc<Forms>, tables: Arc<Tables>) {
        self.rust.warm_up(widgets, forms, tables);
    }

    /// Ends child processes.
    pub fn stop(&self) {
        self.rust.stop();
    }
}

impl Job {
    /// Names the cell across runs: by its identifier where the front end tells it, otherwise by its text.
    pub fn cell_key(&self, text: &str) -> String {
        self.prompt.cell_id().unwrap_or(text).to_owned()
    }

    /// Runs the cell.
    ///
    /// # Errors
    /// The report for the notebook.
    pub async fn run(self, cell: Cell) -> Result<Done, Report> {
        match cell {
            Cell::Empty => Ok(Done::default()),
            Cell::Rust(code) => {
                self.kernel.clone().interpreters.rust.run(&code, self.outputs, self.prompt, self.cancel).await
            }
            Cell::Sql(cell) => sql::run(cell, &self).await,
            Cell::Form(text) => form::run(&text, &self).await,
            Cell::Report(cell) => report::run(cell, &self).await,
            Cell::Parameters(text) => form::give(&text, &self).await,
            Cell::Content { mime, body } => magic::content(mime, body, &self.outputs).await,
            Cell::LineMagic { name, arguments } => magic::line(&name, &arguments, &self).await,
            Cell::Help(name) => magic::help_on(&name, &self).await,
        }
    }
}
