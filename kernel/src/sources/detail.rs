//! One source: what is configured, what its files are, and, after a test, which columns have values.

use flow_engine::{ColumnOrigin, NameMargin, render::visible};
use flowdeck::chrono::{DateTime, Utc};

use super::{Look, Rows, grouped, list, moment_text};
use crate::{
    cli::store::bytes_text,
    engine::{EngineRoom, SecretState, SourceState},
};

/// Columns named in one line at most.
const COLUMNS_LISTED_MAX: usize = 60;

/// All that is known about it.
pub(super) fn text(room: &EngineRoom, state: &SourceState, look: &Look) -> String {
    let mut lines: Vec<(&str, String)> = vec![
        ("source", state.name.clone()),
        ("state", list::state_text(look).to_owned()),
        ("location", state.location.clone()),
    ];
    settings(state, &mut lines);
    if let Look::Open(found, _) = look {
        let files =
            if found.files == 1 { "1 file".to_owned() } else { format!("{} files", grouped(found.files as u64)) };
        match found.files {
            0 => lines.push(("server", format!("{}; each query asks it", found.format))),
            _ => lines.push(("files", format!("{}: {files}, {}", found.format, bytes_text(found.bytes)))),
        }
        if let Some(modified) = found.modified {
            lines.push(("last written", format!("{} UTC", moment_text(DateTime::<Utc>::from(modified)))));
        }
        let columns = room.engine.columns(&found.table);
        lines.push(("columns", format!("{}; %schema {} lists them", columns.len(), found.table)));
    }
    let facts = look.facts();
    if let Some(rows) = facts.rows {
        lines.push(("rows", grouped(rows)));
    }
    if let Some((first, last)) = facts.first.zip(facts.last) {
        lines.push(("times", format!("{} – {} UTC", moment_text(first), moment_text(last))));
    }
    tested(look, &mut lines);
    for SecretState { name, place, fault } in &state.secrets() {
        let found = if fault.is_some() { "missing" } else { "there" };
        lines.push(("secret", format!("{}: {found}, {}", visible(name), visible(place))));
    }
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
    let mut text: String = lines.iter().map(|(label, value)| format!("{label:width$}  {value}\n")).collect();
    let remarks = list::remarks(state, look);
    if !remarks.is_empty() {
        text.push('\n');
        text.extend(remarks.into_iter().map(|remark| format!("{remark}\n")));
    }
    text
}

fn settings(state: &SourceState, lines: &mut Vec<(&str, String)>) {
    let source = &state.source;
    if let Some(connector) = &source.connector {
        lines.push(("connector", connector.0.clone()));
    }
    if let Some(zone) = source.time_zone {
        let also = if source.ignore_zone { ", also of times that say another" } else { "" };
        lines.push(("time zone", format!("{}{also}", zone.0.name())));
    }
    let offset = source.clock_offset.0;
    if !offset.is_zero() {
        lines.push(("clock offset", format!("{}; times are corrected by it", super::comparison::length_text(offset))));
    }
    match source.name_margin.0 {
        margin if margin == NameMargin::default() => {}
        NameMargin::Within(margin) => lines.push((
            "name margin",
            format!("{}; files whose names say other times are not opened", super::comparison::length_text(margin)),
        )),
        NameMargin::Ignored => lines.push(("name margin", "off; times in names of files are not looked at".to_owned())),
    }
    if let Some(endpoint) = &source.endpoint {
        lines.push(("endpoint", visible(&flow_engine::shown_location(endpoint))));
    }
    if let Some(region) = &source.region {
        lines.push(("region", visible(region)));
    }
    lines.extend(source.options().into_iter().map(|(key, value)| (key, visible(value))));
    if let Some(user) = &source.user {
        lines.push(("user", visible(user)));
    }
    if let Some(path) = &source.ca_file {
        lines.push(("authorities", visible(&path.display().to_string())));
    }
    if source.allow_http {
        lines.push(("allow http", "requests and answers may be read on the way".to_owned()));
    }
    if source.strict {
        lines.push(("strict", "a read fails at the first row that cannot be used".to_owned()));
    }
    for (column, origin) in &source.columns {
        let from = match &origin.0 {
            ColumnOrigin::Column { name, unit: None } => visible(name),
            ColumnOrigin::Column { name, unit: Some(unit) } => format!("{} ({unit:?})", visible(name)).to_lowercase(),
            ColumnOrigin::Sql(sql) => format!("SQL {}", visible(sql)),
        };
        lines.push(("column", format!("{} from {from}", column.0)));
    }
}

fn tested(look: &Look, lines: &mut Vec<(&str, String)>) {
    let Look::Open(_, Rows::Test(test)) = look else { return };
    lines.push(("read in", format!("{:.1} s", test.elapsed.as_secs_f64())));
    let rows = test.facts.rows.unwrap_or_default();
    let names = |wanted: &dyn Fn(u64) -> bool| {
        let names: Vec<String> =
            test.filled.iter().filter(|(_, count)| wanted(*count)).map(|(name, _)| visible(name)).collect();
        let more = if names.len() > COLUMNS_LISTED_MAX { ", …" } else { "" };
        format!("{}{more}", names.iter().take(COLUMNS_LISTED_MAX).cloned().collect::<Vec<_>>().join(", "))
    };
    let partly: Vec<String> = test
        .filled
        .iter()
        .filter(|(_, count)| *count > 0 && *count < rows)
        .map(|(name, count)| format!("{} {}", visible(name), share_text(*count, rows)))
        .take(COLUMNS_LISTED_MAX)
        .collect();
    lines.push(("always filled", names(&|count| count == rows && rows > 0)));
    lines.push(("partly filled", partly.join(", ")));
    lines.push(("empty", names(&|count| count == 0)));
}

/// As in `12 %`; never 0 % or 100 % of what is not nothing or all.
#[expect(clippy::cast_precision_loss, reason = "a share for people")]
pub(super) fn share_text(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    match part {
        0 => "0 %".to_owned(),
        _ if part == whole => "100 %".to_owned(),
        _ if percent < 1.0 => "<1 %".to_owned(),
        _ if percent > 99.0 => ">99 %".to_owned(),
        _ => format!("{percent:.0} %"),
    }
}
