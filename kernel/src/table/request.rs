//! What a page may ask a table for. It comes from visitors too: everything is bounded, nothing is text to run.

use flow_engine::stored::{CopyRequest, PageRequest, ViewRequest};
use serde::Deserialize;
use serde_json::Value;

/// Characters of the name that a page has for itself.
const CLIENT_CHARS_MAX: usize = 64;

/// A request, and who wants its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// Names the page that asks; answers reach all of them.
    pub(super) client: String,
    /// Numbers its requests.
    pub(super) request: u64,
    /// What it asks for.
    #[serde(rename = "do")]
    pub(super) what: What,
}

/// Questions and orders. `view` numbers the order of rows that the page knows.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum What {
    /// Some rows of some columns.
    Page { view: u64, page: PageRequest },
    /// Another order or choice of rows, for all pages.
    View(ViewRequest),
    /// Stops what takes long.
    Stop {},
    /// What is in a column.
    Summary { column: usize },
    /// One value in full.
    Value { view: u64, row: usize, column: usize },
    /// A value of that row into the field of a form that the author named for its column.
    Fill { view: u64, row: usize, fill: usize },
    /// That row to what the author wrote for it.
    Act { view: u64, row: usize, action: usize },
    /// These rows are selected now; none if `count` is 0.
    Select { view: u64, start: usize, count: usize },
    /// Text for the clipboard.
    Copy { view: u64, copy: CopyRequest },
    /// The rows as a file.
    Export(ExportRequest),
    /// A part of a file that is downloaded.
    Part { download: u64, part: usize },
    /// The download is over.
    Forget { download: u64 },
}

/// The rows as a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportRequest {
    pub(super) view: u64,
    pub(super) format: String,
    pub(super) scope: Scope,
    pub(super) destination: Destination,
    pub(super) columns: Vec<usize>,
}

/// Which rows a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scope {
    /// Those that are seen, in their order, with the columns that are seen.
    Seen,
    /// All rows and columns as the query gave them.
    All,
}

/// Where a file goes.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Destination {
    /// Beside the notebook.
    Folder,
    /// To the computer of the person.
    Download,
}

impl Request {
    /// Reads a message of a page.
    ///
    /// # Errors
    /// What is wrong with it, for the log: pages of ours send none that is wrong.
    pub(super) fn parse(content: Value) -> Result<Request, String> {
        let request: Request = serde_json::from_value(content).map_err(|error| error.to_string())?;
        match request.client.chars().nth(CLIENT_CHARS_MAX) {
            None => Ok(request),
            Some(_) => Err("the name of the page is too long".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requests_are_read_and_what_is_odd_is_refused() {
        let asked = |what: Value| Request::parse(json!({"client": "1-2", "request": 3, "do": what}));
        assert!(asked(json!({"page": {"view": 0, "page": {"start": 0, "count": 100, "columns": [0]}}})).is_ok());
        assert!(asked(json!({"view": {"sort": [{"column": 0, "descending": true}]}})).is_ok());
        assert!(asked(json!({"stop": {}})).is_ok());
        for odd in [
            json!({"sql": "SELECT 1"}),
            json!({"view": {"sql": "SELECT 1"}}),
            json!({"view": {"filters": [{"column": 0, "condition": {"is": "sql", "text": "1=1"}}]}}),
            json!({"page": {"view": 0, "page": {"start": -1, "count": 100, "columns": [0]}}}),
            json!({"page": {"view": 0, "page": {"start": 0, "count": 1e99, "columns": [0]}}}),
            json!("stop"),
            json!(null),
        ] {
            assert!(asked(odd.clone()).is_err(), "{odd}");
        }
        assert!(Request::parse(json!({"client": "x".repeat(65), "request": 3, "do": {"stop": {}}})).is_err());
    }
}
