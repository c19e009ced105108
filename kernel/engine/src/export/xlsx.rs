//! A workbook of one sheet, for people who go on in a spreadsheet.
//!
//! Moments and lengths of time are that there, moments in UTC, as a sheet knows no zones. What a spreadsheet would round or run is text.

use std::io::Write;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, DurationMicrosecondType, SchemaRef, TimeUnit, TimestampMicrosecondType};
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::RowWriter;
use super::csv::FORMULA_STARTS;
use crate::render::cell::{Cell, Cells, is_number};
use crate::render::with_commas;

/// Rows of a sheet below the names of the columns (Microsoft, "Excel specifications and limits").
pub(super) const ROWS_MAX: usize = 1_048_576 - 1;
/// Columns of a sheet.
pub(super) const COLUMNS_MAX: usize = 16_384;
/// UTF-16 units of a cell; a sheet with a longer one is reported as damaged.
const TEXT_UNITS_MAX: usize = 32_767;
/// Characters of a cell that is cut: none of them takes more than two units.
const CUT_CHARS: usize = TEXT_UNITS_MAX / 2 - 100;
/// Digits that a spreadsheet keeps of a number.
const DIGITS_MAX: usize = 15;
/// Rows after which a column is as wide as it will be.
const MEASURED_ROWS: u32 = 1_000;
/// Characters across, at least and at most.
const WIDTHS: std::ops::RangeInclusive<usize> = 8..=60;
/// The day that a spreadsheet numbers 0 is so many days before 1970. Days before March 1900 have two numbers.
const DAYS_TO_1970: f64 = 25_569.0;
const FIRST_DAY: f64 = 61.0;
const LAST_DAY: f64 = 2_958_465.0;
const MICROSECONDS_OF_DAY: f64 = 86_400_000_000.0;

/// A workbook in the making. Rows wait in a temporary file, as the sheet is compressed at the end.
pub(super) struct Xlsx<W> {
    out: W,
    workbook: Workbook,
    looks: Looks,
    /// Characters of the widest value seen, a column each.
    widths: Vec<usize>,
    row: u32,
}

struct Looks {
    head: Format,
    moment: Format,
    day: Format,
    length: Format,
    /// Stays text when a person goes into the cell and presses Enter.
    guarded: Format,
}

impl<W: Write + Send> Xlsx<W> {
    pub(super) fn new(schema: &SchemaRef, out: W) -> Result<Xlsx<W>, XlsxError> {
        let looks = Looks {
            head: Format::new().set_bold(),
            moment: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss.000"),
            day: Format::new().set_num_format("yyyy-mm-dd"),
            length: Format::new().set_num_format("[h]:mm:ss.000"),
            guarded: Format::new().set_quote_prefix(),
        };
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet_with_constant_memory();
        sheet.set_freeze_panes(1, 0)?;
        let mut widths = Vec::new();
        for (column, field) in (0u16..).zip(schema.fields()) {
            let name = match field.data_type() {
                DataType::Timestamp(_, Some(_)) => format!("{} (UTC)", field.name()),
                _ => field.name().clone(),
            };
            let name = fitting(name, false);
            widths.push(name.chars().count());
            sheet.write_string_with_format(0, column, name, &looks.head)?;
        }
        Ok(Xlsx { out, workbook, looks, widths, row: 0 })
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<(), XlsxError> {
        let cells = Cells::of(batch);
        let columns: Vec<Column> = batch.columns().iter().map(Column::of).collect();
        let sheet = self.workbook.worksheet_from_index(0)?;
        for row in 0..batch.num_rows() {
            self.row += 1;
            for (place, column) in columns.iter().enumerate() {
                let at = Place { row: self.row, column: place as u16 };
                let Some(width) = column.put(sheet, &at, &self.looks, row, || cells.get(place, row, CUT_CHARS * 2))?
                else {
                    continue;
                };
                if self.row <= MEASURED_ROWS {
                    self.widths[place] = self.widths[place].max(width);
                }
            }
        }
        Ok(())
    }

    fn end(mut self) -> Result<(), XlsxError> {
        let sheet = self.workbook.worksheet_from_index(0)?;
        for (column, width) in (0u16..).zip(&self.widths) {
            // The button of the filter needs some room, too.
            sheet.set_column_width(column, (width + 3).clamp(*WIDTHS.start(), *WIDTHS.end()) as f64)?;
        }
        if let Some(last) = self.widths.len().checked_sub(1) {
            sheet.autofilter(0, 0, self.row, last as u16)?;
        }
        self.workbook.save_to_writer(&mut self.out)
    }
}

impl<W: Write + Send> RowWriter for Xlsx<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), String> {
        self.rows(batch).map_err(|fault| fault.to_string())
    }

    fn finish(self: Box<Self>) -> Result<(), String> {
        (*self).end().map_err(|fault| fault.to_string())
    }
}

/// What does not fit into a sheet, for the person who wants it in one.
pub(super) fn too_much(rows: usize, columns: usize) -> Option<String> {
    let (found, what, most) = match (rows, columns) {
        (rows, _) if rows > ROWS_MAX => (rows, "rows", ROWS_MAX),
        (_, columns) if columns > COLUMNS_MAX => (columns, "columns", COLUMNS_MAX),
        _ => return None,
    };
    let (found, most) = (with_commas(found as i128), with_commas(most as i128));
    Some(format!("a sheet holds {most} {what}, and these are {found}: filter them, or choose CSV or Parquet"))
}

struct Place {
    row: u32,
    column: u16,
}

/// What days are of.
#[derive(Clone, Copy)]
enum Days {
    Moment,
    Day,
    /// How long something lasts.
    Length,
}

/// How the values of a column become cells.
enum Column<'a> {
    Boolean(&'a ArrayRef),
    Number {
        is_float: bool,
    },
    /// Days since 1970, or how many of them.
    Days(Vec<Option<f64>>, Days),
    Text,
}

impl Column<'_> {
    fn of(array: &ArrayRef) -> Column<'_> {
        match array.data_type() {
            DataType::Boolean => Column::Boolean(array),
            DataType::Timestamp(..) => moments(array).map_or(Column::Text, |days| Column::Days(days, Days::Moment)),
            DataType::Duration(_) => lengths(array).map_or(Column::Text, |days| Column::Days(days, Days::Length)),
            DataType::Date32 => {
                let days = array.as_primitive::<Date32Type>().iter().map(|day| day.map(f64::from));
                Column::Days(days.collect(), Days::Day)
            }
            other if is_number(other) => Column::Number { is_float: other.is_floating() },
            _ => Column::Text,
        }
    }

    /// Writes one cell and gives how many characters it takes; nothing for NULL.
    fn put(
        &self,
        sheet: &mut Worksheet,
        at: &Place,
        looks: &Looks,
        row: usize,
        cell: impl FnOnce() -> Cell,
    ) -> Result<Option<usize>, XlsxError> {
        if let Column::Boolean(array) = self {
            if array.is_null(row) {
                return Ok(None);
            }
            sheet.write_boolean(at.row, at.column, array.as_boolean().value(row))?;
            return Ok(Some(5));
        }
        if let Column::Days(days, kind) = self {
            let Some(days) = days[row] else { return Ok(None) };
            let (number, least, look, width) = match kind {
                Days::Moment => (days + DAYS_TO_1970, FIRST_DAY, &looks.moment, 23),
                Days::Day => (days + DAYS_TO_1970, FIRST_DAY, &looks.day, 10),
                Days::Length => (days, 0.0, &looks.length, 14),
            };
            if (least..=LAST_DAY).contains(&number) {
                sheet.write_number_with_format(at.row, at.column, number, look)?;
                return Ok(Some(width));
            }
        }
        let Cell::Text { text, is_cut } = cell() else { return Ok(None) };
        if let Column::Number { is_float } = self
            && let Some(number) = exact(&text, *is_float)
        {
            sheet.write_number(at.row, at.column, number)?;
            return Ok(Some(text.len()));
        }
        let text = fitting(text, is_cut);
        let width = text.chars().take(*WIDTHS.end()).count();
        match text.starts_with(FORMULA_STARTS) {
            true => sheet.write_string_with_format(at.row, at.column, text, &looks.guarded)?,
            false => sheet.write_string(at.row, at.column, text)?,
        };
        Ok(Some(width))
    }
}

fn moments(array: &ArrayRef) -> Option<Vec<Option<f64>>> {
    let zone = match array.data_type() {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    let micros = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, zone)).ok()?;
    let micros = micros.as_primitive::<TimestampMicrosecondType>();
    Some(micros.iter().map(|micros| micros.map(|micros| micros as f64 / MICROSECONDS_OF_DAY)).collect())
}

fn lengths(array: &ArrayRef) -> Option<Vec<Option<f64>>> {
    let micros = cast(array, &DataType::Duration(TimeUnit::Microsecond)).ok()?;
    let micros = micros.as_primitive::<DurationMicrosecondType>();
    Some(micros.iter().map(|micros| micros.map(|micros| micros as f64 / MICROSECONDS_OF_DAY)).collect())
}

/// The number, unless a spreadsheet would change digits of it.
fn exact(text: &str, is_float: bool) -> Option<f64> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && (is_float || digits <= DIGITS_MAX)).then_some(number)
}

/// The text as far as a cell can hold it, with a word about the rest.
fn fitting(text: String, is_cut: bool) -> String {
    if !is_cut && text.encode_utf16().count() <= TEXT_UNITS_MAX {
        return text;
    }
    text.chars().take(CUT_CHARS).collect::<String>() + " … (cut: a cell of a spreadsheet holds no more)"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_a_spreadsheet_would_round_stay_text() {
        assert_eq!(exact("123456789012345", false), Some(123_456_789_012_345.0));
        assert_eq!(exact("-42", false), Some(-42.0));
        assert_eq!(exact("18446744073709551615", false), None);
        assert_eq!(exact("0.1", true), Some(0.1));
        assert_eq!(exact("0.30000000000000004", true), Some(0.30000000000000004));
        assert_eq!(exact("NaN", true), None);
    }

    #[test]
    fn long_text_is_cut_at_what_a_cell_holds_and_that_is_said() {
        assert_eq!(fitting("a".repeat(TEXT_UNITS_MAX), false).len(), TEXT_UNITS_MAX);
        for text in ["a".repeat(TEXT_UNITS_MAX + 1), "😀".repeat(TEXT_UNITS_MAX)] {
            let cut = fitting(text, false);
            assert!(cut.ends_with("holds no more)") && cut.encode_utf16().count() <= TEXT_UNITS_MAX);
        }
    }

    #[test]
    fn what_no_sheet_holds_is_refused_with_both_numbers() {
        assert_eq!(too_much(ROWS_MAX, COLUMNS_MAX), None);
        let refusal = too_much(10_000_000, 3).expect("too many rows");
        assert!(refusal.contains("1,048,575 rows") && refusal.contains("10,000,000"), "{refusal}");
        assert!(too_much(1, COLUMNS_MAX + 1).is_some_and(|refusal| refusal.contains("columns")));
    }
}
