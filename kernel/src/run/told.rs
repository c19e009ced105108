//! What the metadata of OUT tells about a run, under papermill's names: its readers find it there.

use std::path::Path;

use flowdeck::chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::{front_end::Ended, parameters::Parameters};

/// From when to when.
pub(super) type Span = (DateTime<Utc>, DateTime<Utc>);

/// About the whole run.
pub(super) fn of_run(notebook: &Path, out: &Path, parameters: &Parameters, span: Span, has_failed: bool) -> Value {
    json!({
        "default_parameters": {},
        "duration": seconds(span),
        "end_time": stamp(span.1),
        "environment_variables": {},
        "exception": has_failed.then_some(true),
        "input_path": notebook,
        "output_path": out,
        "parameters": parameters,
        "start_time": stamp(span.0),
        "version": concat!("flowdeck ", env!("CARGO_PKG_VERSION")),
    })
}

/// About a cell; `None` for one that did not run.
pub(super) fn of_cell(ended: Option<&Ended>) -> Value {
    let Some(Ended { span, failure, .. }) = ended else {
        return json!({"duration": null, "end_time": null, "exception": null, "start_time": null, "status": "pending"});
    };
    let status = if failure.is_some() { "failed" } else { "completed" };
    json!({
        "duration": seconds(*span),
        "end_time": stamp(span.1),
        "exception": failure.is_some(),
        "start_time": stamp(span.0),
        "status": status,
    })
}

fn seconds((begun, ended): Span) -> f64 {
    (ended - begun).as_seconds_f64()
}

fn stamp(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Micros, true)
}
