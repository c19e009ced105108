//! What a live query says to people who know neither SQL nor Rust.

use std::{collections::BTreeSet, fmt::Write};

use flow_engine::{Parameter, Progress, render};
use flowdeck::chrono::{DateTime, SecondsFormat, Utc};
use kernel_protocol::MimeBundle;
use serde_json::Value;

use crate::{form::Wrong, report::Report};

/// Which fields a query waits for.
pub(crate) fn to_fill_in(wrong: &[Wrong]) -> String {
    format!("not run: {}", facts(wrong))
}

/// What is wrong with fields.
pub(crate) fn facts(wrong: &[Wrong]) -> String {
    let facts: Vec<String> = wrong.iter().map(|Wrong { label, fact }| format!("{label}: {fact}")).collect();
    facts.join("; ")
}

/// How much a query has read.
pub(crate) fn how_far(progress: &Progress) -> String {
    let mut text = format!("{} rows", render::with_commas(progress.rows_read.into()));
    if progress.bytes_read > 0 {
        let _ = write!(text, ", {}", megabytes(progress.bytes_read));
        if progress.bytes_total > 0 {
            let _ = write!(text, " of {}", megabytes(progress.bytes_total));
        }
    }
    if progress.lookups_total > 0 {
        let _ = write!(text, ", {} of {} looked up", progress.lookups_done, progress.lookups_total);
    }
    let _ = write!(text, ", {:.1} s", progress.elapsed.as_secs_f64());
    text
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The moments that the query was given, the earliest first, in UTC: the picker may be in another zone.
pub(crate) fn interval(parameters: &[(String, Parameter)]) -> String {
    let moments = parameters.iter().filter_map(|(name, parameter)| match parameter {
        Parameter::Timestamp(Some(moment)) => Some((moment, name)),
        _ => None,
    });
    let moments: BTreeSet<_> = moments.collect();
    let told = |(moment, name): (&DateTime<Utc>, &String)| {
        format!("; {name} = {}", moment.to_rfc3339_opts(SecondsFormat::Secs, true))
    };
    moments.into_iter().map(told).collect()
}

/// A failure for someone who did not write the query.
pub(crate) fn explained(report: &Report) -> MimeBundle {
    let mut text = report.evalue.clone();
    if let Some(hint) = report.hint() {
        let _ = write!(text, "\n{hint}");
    }
    let lines: Vec<String> = text.lines().map(|line| html_escape::encode_text(line).into_owned()).collect();
    let html = format!(
        "<div style=\"border-left: 4px solid #b00020; padding: 4px 12px\"><b>This did not work.</b><br>{}</div>",
        lines.join("<br>")
    );
    let mut bundle = MimeBundle::new();
    bundle.insert("text/plain".to_owned(), Value::from(text));
    bundle.insert("text/html".to_owned(), Value::from(html));
    bundle
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn how_far_a_query_is() {
        let elapsed = Duration::from_millis(2_140);
        let progress = Progress {
            rows_read: 1_234_567,
            bytes_read: 12_300_000,
            bytes_total: 40_000_000,
            elapsed,
            ..Progress::default()
        };
        assert_eq!(how_far(&progress), "1,234,567 rows, 12.3 MB of 40.0 MB, 2.1 s");
        assert_eq!(how_far(&Progress { rows_read: 999, ..Progress::default() }), "999 rows, 0.0 s");
        let progress = Progress { rows_read: 37, lookups_done: 5, lookups_total: 37, ..Progress::default() };
        assert_eq!(how_far(&progress), "37 rows, 5 of 37 looked up, 0.0 s");
    }

    #[test]
    fn a_failure_is_escaped_and_says_what_to_do() {
        let report = Report::new("SqlError", "no table named `<b>`").with_hint("tables are flows");
        let bundle = explained(&report);
        let html = bundle["text/html"].as_str().unwrap_or_default();
        assert!(html.contains("&lt;b&gt;") && html.contains("tables are flows") && !html.contains("hint"), "{html}");
    }
}
