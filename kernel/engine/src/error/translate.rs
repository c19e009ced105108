//! From DataFusion's errors to ours: the cause is dug out of its wrappings and told without them.

use std::error::Error as StdError;

use arrow::error::ArrowError;
use datafusion::common::{Diagnostic, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;

use super::{EngineError, Position, UnopenedFault};
use crate::files::FileFault;
use crate::functions::FunctionFault;
use crate::names;
use crate::render::visible;

/// Longest text of an error shown to the analyst.
const TEXT_CHARS_MAX: usize = 1000;
/// Longest text of an error kept for the log.
const LOG_CHARS_MAX: usize = 10_000;
/// Wrappings of one cause inside another.
const DEPTH_MAX: usize = 32;

/// Beginnings that name the layer which failed. They tell an analyst nothing.
const LAYER_PREFIXES: &[&str] = &[
    "Error during planning: ",
    "Execution error: ",
    "Arrow error: ",
    "Parquet error: ",
    "Object Store error: ",
    "IO error: ",
    "SQL error: ",
    "This feature is not implemented: ",
    "Invalid or Unsupported Configuration: ",
    "Schema error: ",
    "External error: ",
    "Optimizer rule ",
    "type_coercion",
    "caused by",
    "Cast error: ",
    "Compute error: ",
    "Parser error: ",
    "Csv error: ",
    "Json error: ",
    "Invalid argument error: ",
    "Arithmetic overflow: ",
    "Not yet implemented: ",
    "Parquet argument error: ",
    "Io error: ",
    "Ipc error: ",
    "External: ",
];

/// What is known about the engine where the error happened.
pub(crate) struct Known {
    pub(crate) tables: Vec<String>,
    pub(crate) functions: Vec<String>,
    pub(crate) memory_limit_bytes: u64,
}

/// Turns `error` into what the analyst reads.
pub(crate) fn translate(error: &DataFusionError, known: &Known) -> EngineError {
    if let Some(fault) = buried(error) {
        return EngineError::Unopened(UnopenedFault::clone(fault));
    }
    if let Some(fault) = buried_fault(error) {
        return EngineError::File(fault.clone());
    }
    let mut position = None;
    let cause = innermost(error, &mut position);
    let log: String = format!("{error}").chars().take(LOG_CHARS_MAX).collect();
    match cause {
        Cause::File(fault) => EngineError::File(fault.clone()),
        Cause::Function(fault) => EngineError::Function(fault.clone()),
        Cause::Source(fault) => EngineError::of_source(fault),
        Cause::DataFusion(cause) => of_datafusion(cause, position, log, known),
        Cause::Other(text) => EngineError::Execution { text: plain_text(&text), log },
    }
}

/// A fault of ours that an object store carries through layers of readers.
pub(crate) fn buried_fault(error: &DataFusionError) -> Option<&FileFault> {
    buried(error)
}

fn buried<F: StdError + 'static>(error: &DataFusionError) -> Option<&F> {
    let chain = std::iter::successors(Some(error as &(dyn StdError + 'static)), |&error| match error.downcast_ref() {
        // `source` of these skips what they hold.
        Some(DataFusionError::External(inner)) => Some(inner.as_ref() as &(dyn StdError + 'static)),
        Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
        Some(DataFusionError::ObjectStore(inner)) => Some(inner.as_ref()),
        Some(DataFusionError::ParquetError(inner)) => Some(inner.as_ref()),
        _ => error.source(),
    });
    chain.take(DEPTH_MAX).find_map(|error| error.downcast_ref())
}

enum Cause<'a> {
    DataFusion(&'a DataFusionError),
    File(&'a FileFault),
    Function(&'a FunctionFault),
    Source(&'a flow_source::SourceError),
    Other(String),
}

fn innermost<'a>(error: &'a DataFusionError, position: &mut Option<Position>) -> Cause<'a> {
    let mut current = error;
    for _ in 0..DEPTH_MAX {
        current = match current {
            DataFusionError::Context(_, inner) => inner,
            DataFusionError::Shared(inner) => inner,
            DataFusionError::Diagnostic(diagnostic, inner) => {
                *position = position.or_else(|| position_of(diagnostic));
                inner
            }
            DataFusionError::Collection(inners) => match inners.first() {
                Some(inner) => inner,
                None => break,
            },
            DataFusionError::External(inner) => match of_external(inner.as_ref()) {
                Cause::DataFusion(inner) => inner,
                other => return other,
            },
            DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
                ArrowError::ExternalError(inner) => match of_external(inner.as_ref()) {
                    Cause::DataFusion(inner) => inner,
                    other => return other,
                },
                _ => break,
            },
            _ => break,
        };
    }
    Cause::DataFusion(current)
}

fn of_external<'a>(error: &'a (dyn StdError + Send + Sync + 'static)) -> Cause<'a> {
    if let Some(fault) = error.downcast_ref::<FileFault>() {
        return Cause::File(fault);
    }
    if let Some(fault) = error.downcast_ref::<FunctionFault>() {
        return Cause::Function(fault);
    }
    if let Some(fault) = error.downcast_ref::<flow_source::SourceError>() {
        return Cause::Source(fault);
    }
    if let Some(inner) = error.downcast_ref::<DataFusionError>() {
        return Cause::DataFusion(inner);
    }
    Cause::Other(error.to_string())
}

fn position_of(diagnostic: &Diagnostic) -> Option<Position> {
    let start = diagnostic.span.as_ref()?.start;
    (start.line > 0).then_some(Position { line: start.line, column: start.column })
}

fn of_datafusion(cause: &DataFusionError, position: Option<Position>, log: String, known: &Known) -> EngineError {
    match cause {
        DataFusionError::SQL(parser_error, _) => of_parser(parser_error),
        DataFusionError::SchemaError(schema_error, _) => of_schema(schema_error, position, log),
        DataFusionError::Plan(text) => of_plan(text, position, log, known),
        DataFusionError::NotImplemented(text) => EngineError::Unsupported { text: plain_text(text), log },
        DataFusionError::ResourcesExhausted(text) if text.contains("disk") => {
            EngineError::Execution { text: plain_text(text), log }
        }
        DataFusionError::ResourcesExhausted(_) => EngineError::Memory { limit_bytes: known.memory_limit_bytes, log },
        DataFusionError::Internal(text) => EngineError::Internal { text: plain_text(text), log },
        DataFusionError::Configuration(text) => EngineError::Plan { text: plain_text(text), position, log },
        other => EngineError::Execution { text: plain_text(&other.to_string()), log },
    }
}

fn of_parser(error: &ParserError) -> EngineError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
        ParserError::RecursionLimitExceeded => "it is nested too deeply".into(),
    };
    let (text, position) = split_position(&text);
    let text = text.trim_end_matches(['.', ',', ' ']);
    EngineError::Syntax { message: bounded(&visible(&lower_first(text))), position }
}

/// sqlparser ends its texts in ` at Line: 1, Column: 8`.
fn split_position(text: &str) -> (&str, Option<Position>) {
    let Some(start) = text.find("at Line: ") else { return (text, None) };
    let numbers: Vec<u64> =
        text[start..].split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect();
    let position = match numbers.as_slice() {
        [line, column, ..] if *line > 0 => Some(Position { line: *line, column: *column }),
        _ => None,
    };
    (text[..start].trim_end(), position)
}

fn of_schema(error: &SchemaError, position: Option<Position>, log: String) -> EngineError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => EngineError::UnknownColumn {
            wanted: visible(&field.flat_name()),
            valid: valid_fields.iter().map(|valid| visible(&valid.quoted_flat_name())).collect(),
            position,
        },
        SchemaError::AmbiguousReference { field } => EngineError::Plan {
            text: format!("the column `{}` is in more than one table of the query", visible(field.name())),
            position,
            log,
        },
        other => EngineError::Plan { text: plain_text(&other.to_string()), position, log },
    }
}

fn of_plan(text: &str, position: Option<Position>, log: String, known: &Known) -> EngineError {
    if let Some(wanted) = between(text, "table function '", "' not found") {
        return unknown_function(wanted, position, known);
    }
    if let Some(wanted) = between(text, "table '", "' not found") {
        let wanted = wanted.strip_prefix("datafusion.public.").unwrap_or(wanted);
        return EngineError::UnknownTable { wanted: visible(wanted), known: known.tables.clone(), position };
    }
    if let Some(wanted) = between(text, "Invalid function '", "'") {
        return unknown_function(wanted, position, known);
    }
    EngineError::Plan { text: plain_text(text), position, log }
}

fn unknown_function(wanted: &str, position: Option<Position>, known: &Known) -> EngineError {
    let nearest = names::nearest(wanted, known.functions.iter().map(String::as_str), super::NEAREST_MAX);
    EngineError::UnknownFunction {
        wanted: visible(wanted),
        nearest: nearest.into_iter().map(str::to_string).collect(),
        position,
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = text.split_once(before)?.1;
    Some(rest.split_once(after)?.0)
}

/// The last cause in a chain of texts, without the names of the layers it came through, bounded and harmless.
pub(crate) fn plain_text(text: &str) -> String {
    let mut rest = text.rsplit("caused by\n").next().unwrap_or(text).trim();
    while let Some(stripped) = LAYER_PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix)) {
        rest = stripped.trim_start();
    }
    let shown: Vec<String> = rest.lines().map(visible).collect();
    bounded(lower_first(&shown.join("\n")).trim_end_matches('.'))
}

fn bounded(text: &str) -> String {
    if text.chars().count() <= TEXT_CHARS_MAX {
        return text.to_string();
    }
    let cut: String = text.chars().take(TEXT_CHARS_MAX).collect();
    format!("{cut}…")
}

/// Errors of ours go on a sentence, so they begin small; names such as `UInt64` and `SELECT` stay as they are.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && (second.is_lowercase() || second == ' ') => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_not_told() {
        let cases = [
            (
                "Arrow error: Cast error: Cannot cast string 'x' to value of UInt8 type",
                "cannot cast string 'x' to value of UInt8 type",
            ),
            ("type_coercion\ncaused by\nError during planning: Cannot infer common type.", "cannot infer common type"),
            ("UInt64 overflow", "UInt64 overflow"),
            ("Execution error: bad \u{1b}[31mred", "bad ␛[31mred"),
        ];
        for (text, expected) in cases {
            assert_eq!(plain_text(text), expected);
        }
    }

    #[test]
    fn positions_are_split_off() {
        let (text, position) = split_position("Expected: an SQL statement, found: SELEC at Line: 2, Column: 3");
        assert_eq!(text, "Expected: an SQL statement, found: SELEC");
        assert_eq!(position, Some(Position { line: 2, column: 3 }));
        assert_eq!(split_position("no place"), ("no place", None));
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(plain_text(&"x".repeat(5000)).chars().count(), TEXT_CHARS_MAX + 1);
    }
}
