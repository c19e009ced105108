//! Looking for a text in values as they are shown, whatever their type: a function of DataFusion that SQL never sees.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::{DataFusionError, Result as DataFusionResult, exec_datafusion_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use regex::{Regex, RegexBuilder};

use super::fault::StoredFault;
use crate::render::cell::{Cell, Cells};
use crate::render::visible;

/// Bytes that a compiled regular expression may take: `.{1000}{1000}` is refused, not built.
const PATTERN_BYTES_MAX: usize = 4 << 20;
/// Characters of one value that are searched.
const VALUE_CHARS_MAX: usize = 1 << 20;

/// Whether one of its arguments, as text, matches.
pub(super) struct TextMatch {
    pattern: Regex,
    signature: Signature,
}

impl TextMatch {
    /// The text somewhere in the value; capitals do not matter.
    pub(super) fn contains(text: &str) -> Result<TextMatch, StoredFault> {
        TextMatch::pattern(&format!("(?i){}", regex::escape(text)))
    }

    /// The text is the whole value.
    pub(super) fn equals(text: &str) -> Result<TextMatch, StoredFault> {
        TextMatch::pattern(&format!("\\A{}\\z", regex::escape(text)))
    }

    /// Takes time linear in the length of the value whatever the pattern is: the crate never backtracks.
    pub(super) fn pattern(pattern: &str) -> Result<TextMatch, StoredFault> {
        let compiled =
            RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX).build();
        let pattern = compiled.map_err(|fault| {
            let reason = fault.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            StoredFault::BadPattern { pattern: visible(pattern), reason: visible(reason) }
        })?;
        let signature = Signature::new(TypeSignature::VariadicAny, Volatility::Immutable);
        Ok(TextMatch { pattern, signature })
    }

    pub(super) fn into_udf(self) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::from(self))
    }

    fn matched(&self, column: &ArrayRef, field: &FieldRef, found: &mut [bool]) -> DataFusionResult<()> {
        match column.data_type() {
            DataType::Utf8 => self.texts(column.as_string::<i32>().iter(), found),
            DataType::LargeUtf8 => self.texts(column.as_string::<i64>().iter(), found),
            DataType::Utf8View => self.texts(column.as_string_view().iter(), found),
            _ => {
                let schema = Arc::new(Schema::new(vec![Arc::clone(field)]));
                let options = RecordBatchOptions::new().with_row_count(Some(column.len()));
                let batch = RecordBatch::try_new_with_options(schema, vec![Arc::clone(column)], &options)
                    .map_err(DataFusionError::from)?;
                let cells = Cells::of(&batch);
                for (row, found) in found.iter_mut().enumerate().filter(|(_, found)| !**found) {
                    if let Cell::Text { text, .. } = cells.get(0, row, VALUE_CHARS_MAX) {
                        *found = self.pattern.is_match(&text);
                    }
                }
            }
        }
        Ok(())
    }

    fn texts<'a>(&self, texts: impl Iterator<Item = Option<&'a str>>, found: &mut [bool]) {
        for (text, found) in texts.zip(found) {
            *found = *found || text.is_some_and(|text| self.pattern.is_match(bounded(text)));
        }
    }
}

fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(VALUE_CHARS_MAX)]
}

impl ScalarUDFImpl for TextMatch {
    fn name(&self) -> &str {
        "shown_as"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let mut found = vec![false; args.number_rows];
        for (index, argument) in args.args.into_iter().enumerate() {
            let column = argument.into_array(args.number_rows)?;
            let field = args.arg_fields.get(index).ok_or_else(|| exec_datafusion_err!("an argument has no field"))?;
            self.matched(&column, field, &mut found)?;
        }
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(found))))
    }
}

impl std::fmt::Debug for TextMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TextMatch").field(&self.pattern.as_str()).finish()
    }
}

impl PartialEq for TextMatch {
    fn eq(&self, other: &TextMatch) -> bool {
        self.pattern.as_str() == other.pattern.as_str()
    }
}

impl Eq for TextMatch {}

impl Hash for TextMatch {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pattern.as_str().hash(state);
    }
}
