//! Which column is drawn along which axis: by the name that the author gave, else the first that would do.

use arrow::datatypes::{DataType, Field, SchemaRef};

use super::fault::PlotFault;
use super::{NAME_CHARS_MAX, name_text};
use crate::engine::field_type_text;
use crate::stored::{ColumnKind, kind_of};

/// Columns named in an error.
const KNOWN_MAX: usize = 12;

/// What an axis takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Time,
    Number,
    TimeOrNumber,
    TimeOrDuration,
    /// Anything that can be a name: text, addresses, numbers such as ports.
    Names,
}

impl Takes {
    fn text(self) -> &'static str {
        match self {
            Takes::Time => "a time",
            Takes::Number => "a number or a duration",
            Takes::TimeOrNumber => "a time or a number",
            Takes::TimeOrDuration => "a time or a duration",
            Takes::Names => "text, addresses, numbers or times",
        }
    }

    fn fits(self, field: &Field) -> bool {
        match self {
            Takes::Time => is_time(field),
            Takes::Number => is_number(field),
            Takes::TimeOrNumber => is_time(field) || is_number(field),
            Takes::TimeOrDuration => is_time(field) || is_duration(field),
            Takes::Names => !matches!(kind_of(field), ColumnKind::Nested | ColumnKind::Binary),
        }
    }
}

/// Whether a column holds moments. Times of a day are none.
pub(super) fn is_time(field: &Field) -> bool {
    matches!(plain(field.data_type()), DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
}

pub(super) fn is_duration(field: &Field) -> bool {
    matches!(plain(field.data_type()), DataType::Duration(_))
}

fn is_number(field: &Field) -> bool {
    kind_of(field) == ColumnKind::Number || is_duration(field)
}

/// Whether a column holds names rather than amounts.
fn is_name(field: &Field) -> bool {
    matches!(kind_of(field), ColumnKind::Text | ColumnKind::Address | ColumnKind::Boolean)
}

pub(super) fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        other => other,
    }
}

/// The columns of a result, of which some are taken.
pub(super) struct Columns {
    schema: SchemaRef,
    taken: Vec<usize>,
}

impl Columns {
    pub(super) fn new(schema: &SchemaRef, named: &[&Option<String>]) -> Columns {
        let mut columns = Columns { schema: schema.clone(), taken: Vec::new() };
        // A column that the author named for something else is not chosen for the first axis that it would fit.
        columns.taken = named.iter().filter_map(|name| columns.position(name.as_deref()?)).collect();
        columns
    }

    /// The column of this name, or the first that is not taken and would do.
    pub(super) fn required(
        &mut self,
        option: &'static str,
        name: Option<&str>,
        takes: Takes,
    ) -> Result<usize, PlotFault> {
        match self.optional(option, name, takes)? {
            Some(index) => Ok(index),
            None => Err(PlotFault::NoColumn { option, wanted: takes.text(), known: self.known() }),
        }
    }

    /// As [`Columns::required`], where it may be missing too.
    pub(super) fn optional(
        &mut self,
        option: &'static str,
        name: Option<&str>,
        takes: Takes,
    ) -> Result<Option<usize>, PlotFault> {
        let found = match name {
            Some(name) => Some(self.named(option, name, takes)?),
            None => self.first(|field| takes.fits(field)),
        };
        self.taken.extend(found);
        Ok(found)
    }

    /// The column of this name, or the first that holds names and no amounts.
    pub(super) fn names(&mut self, option: &'static str, name: Option<&str>) -> Result<Option<usize>, PlotFault> {
        let found = match name {
            Some(name) => Some(self.named(option, name, Takes::Names)?),
            None => self.first(is_name),
        };
        self.taken.extend(found);
        Ok(found)
    }

    /// The column of this name, or the first that holds names and no amounts, or else the first that can be names.
    pub(super) fn groups(&mut self, option: &'static str, name: Option<&str>) -> Result<usize, PlotFault> {
        match self.names(option, name)? {
            Some(index) => Ok(index),
            None => self.required(option, None, Takes::Names),
        }
    }

    fn named(&self, option: &'static str, name: &str, takes: Takes) -> Result<usize, PlotFault> {
        let shown = name_text(name, NAME_CHARS_MAX);
        let index = self.position(name);
        let index =
            index.ok_or_else(|| PlotFault::UnknownColumn { option, name: shown.clone(), known: self.known() })?;
        let field = self.schema.field(index);
        if takes.fits(field) {
            return Ok(index);
        }
        Err(PlotFault::WrongType {
            option,
            column: shown,
            type_text: crate::render::visible(&field_type_text(field)),
            wanted: takes.text(),
        })
    }

    fn first(&self, fits: impl Fn(&Field) -> bool) -> Option<usize> {
        let mut free = (0..self.schema.fields().len()).filter(|index| !self.taken.contains(index));
        free.find(|index| fits(self.schema.field(*index)))
    }

    fn position(&self, name: &str) -> Option<usize> {
        let fields = self.schema.fields();
        let exact = fields.iter().position(|field| field.name() == name);
        exact.or_else(|| fields.iter().position(|field| field.name().eq_ignore_ascii_case(name)))
    }

    fn known(&self) -> String {
        let fields = self.schema.fields();
        let one = |field: &std::sync::Arc<Field>| {
            let type_text = crate::render::visible(&field_type_text(field));
            format!("{} ({type_text})", name_text(field.name(), NAME_CHARS_MAX))
        };
        let mut known: Vec<String> = fields.iter().take(KNOWN_MAX).map(one).collect();
        if fields.len() > KNOWN_MAX {
            known.push(format!("{} more", fields.len() - KNOWN_MAX));
        }
        if known.is_empty() { "no column".into() } else { known.join(", ") }
    }
}
