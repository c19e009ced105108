//! What a strict source asks of each value: that it could be read.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DataFusionError, Result as DataFusionResult, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use crate::render::visible;

/// Its name in plans.
pub(crate) const MUST_BE_READABLE: &str = "must_be_readable";
/// Characters of a value in the message.
const VALUE_CHARS_MAX: usize = 60;

/// Of what was written and what was read of it, the latter; an error where something was written and nothing read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Guard {
    /// For the message.
    column: String,
    signature: Signature,
}

impl Guard {
    pub(super) fn new(column: &str) -> Self {
        Self { column: column.to_owned(), signature: Signature::any(2, Volatility::Immutable) }
    }
}

impl Hash for Guard {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.column.hash(state);
    }
}

impl ScalarUDFImpl for Guard {
    fn name(&self) -> &str {
        MUST_BE_READABLE
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DataFusionResult<DataType> {
        match types {
            [_, read] => Ok(read.clone()),
            _ => internal_err!("must_be_readable takes what was written and what was read"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DataFusionResult<FieldRef> {
        match args.arg_fields {
            [_, read] => Ok(Arc::clone(read)),
            _ => internal_err!("must_be_readable takes what was written and what was read"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [written, read] = arrays.as_slice() else { return internal_err!("must_be_readable takes two values") };
        if written.null_count() < read.null_count() {
            let lost = (0..read.len()).find(|&row| read.is_null(row) && written.is_valid(row));
            if let Some(row) = lost {
                let text = arrow::util::display::array_value_to_string(written, row)?;
                let shown: String = visible(&text).chars().take(VALUE_CHARS_MAX).collect();
                return Err(DataFusionError::Execution(format!(
                    "`{shown}` cannot be read as `{}`, and the source is strict",
                    self.column
                )));
            }
        }
        Ok(ColumnarValue::Array(Arc::clone(read)))
    }
}
