//! What a page may ask a view for: structure, never SQL. Every part is bounded.

use arrow::datatypes::Schema;
use serde::{Deserialize, Serialize};

use super::fault::StoredFault;
use super::text_match::TextMatch;
use super::{ColumnKind, kind_of};
use crate::engine::field_type_text;
use crate::render::visible;

/// Columns that one view is sorted by at most.
const SORT_KEYS_MAX: usize = 8;
/// Filters of one view at most.
const FILTERS_MAX: usize = 32;
/// Characters of a text to look for, of a pattern, or of the end of a range.
const TEXT_CHARS_MAX: usize = 1_000;
/// Characters of a list of addresses: some thousand of them.
const LIST_CHARS_MAX: usize = 100_000;

/// Which rows to see, and in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ViewRequest {
    /// The most important key first. Rows that are equal in all keys stay in the order of the query.
    pub sort: Vec<SortKey>,
    /// All of them must hold.
    pub filters: Vec<ColumnFilter>,
    /// A text that must be in one of the columns, as they are shown; capitals do not matter. Empty asks for nothing.
    pub search: String,
}

/// One column to sort by. NULL and NaN always stand last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SortKey {
    /// Counted from 0.
    pub column: usize,
    /// The greatest first.
    #[serde(default)]
    pub descending: bool,
}

/// A condition on one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnFilter {
    /// Counted from 0.
    pub column: usize,
    /// The rows for which the condition does not hold, NULL among them.
    #[serde(default)]
    pub negate: bool,
    /// The condition.
    pub condition: Condition,
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// The value as it is shown contains this text; capitals do not matter.
    Contains { text: String },
    /// The value as it is shown is this text.
    Equals { text: String },
    /// The value as it is shown matches this regular expression.
    Matches { pattern: String },
    /// The address is in this list of addresses and networks.
    Within { list: String },
    /// Not below `min` and not above `max`, where they are given, as texts so that big numbers stay exact.
    Between {
        #[serde(default)]
        min: Option<String>,
        #[serde(default)]
        max: Option<String>,
    },
    /// There is no value.
    Null,
}

impl ViewRequest {
    /// Whether all rows are asked for in their own order.
    pub fn is_everything(&self) -> bool {
        self.sort.is_empty() && self.filters.is_empty() && self.search.is_empty()
    }

    pub(super) fn check(&self, schema: &Schema) -> Result<(), StoredFault> {
        at_most("sort keys", self.sort.len(), SORT_KEYS_MAX)?;
        at_most("filters", self.filters.len(), FILTERS_MAX)?;
        not_longer("search text", &self.search, TEXT_CHARS_MAX)?;
        for key in &self.sort {
            if kind_of(column(schema, key.column)?) == ColumnKind::Nested {
                return Err(does_not_fit(schema, key.column, "sorting by it"));
            }
        }
        self.filters.iter().try_for_each(|filter| filter.check(schema))
    }
}

impl ColumnFilter {
    fn check(&self, schema: &Schema) -> Result<(), StoredFault> {
        let kind = kind_of(column(schema, self.column)?);
        match &self.condition {
            Condition::Contains { text } | Condition::Equals { text } => {
                not_longer("text to look for", text, TEXT_CHARS_MAX)
            }
            Condition::Matches { pattern } => {
                not_longer("regular expression", pattern, TEXT_CHARS_MAX)?;
                TextMatch::pattern(pattern).map(drop)
            }
            Condition::Within { list } => {
                not_longer("list of addresses", list, LIST_CHARS_MAX)?;
                match kind {
                    ColumnKind::Address | ColumnKind::Text => Ok(()),
                    _ => Err(does_not_fit(schema, self.column, "looking for addresses in it")),
                }
            }
            Condition::Between { min, max } => {
                for bound in [min, max].into_iter().flatten() {
                    not_longer("end of the range", bound, TEXT_CHARS_MAX)?;
                }
                match kind {
                    ColumnKind::Nested | ColumnKind::Binary => Err(does_not_fit(schema, self.column, "a range")),
                    _ => Ok(()),
                }
            }
            Condition::Null => Ok(()),
        }
    }
}

pub(super) fn column(schema: &Schema, column: usize) -> Result<&arrow::datatypes::Field, StoredFault> {
    let fields = schema.fields();
    fields.get(column).map(AsRef::as_ref).ok_or(StoredFault::UnknownColumn { column, count: fields.len() })
}

pub(super) fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), StoredFault> {
    if found <= limit { Ok(()) } else { Err(StoredFault::TooMany { what, found, limit }) }
}

fn not_longer(what: &'static str, text: &str, limit: usize) -> Result<(), StoredFault> {
    if text.chars().nth(limit).is_none() { Ok(()) } else { Err(StoredFault::TooLong { what, limit }) }
}

pub(super) fn does_not_fit(schema: &Schema, column: usize, what: &'static str) -> StoredFault {
    let field = schema.field(column);
    StoredFault::DoesNotFit { what, column: visible(field.name()), type_text: field_type_text(field) }
}
