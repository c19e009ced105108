//! What DataFusion's registry of extension types is told about addresses.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, AsArray, FixedSizeBinaryArray};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, DisplayIndex, FormatOptions, FormatResult};
use arrow_schema::extension::ExtensionType;
use datafusion::common::types::DFExtensionType;
use datafusion::common::{Result as DataFusionResult, plan_datafusion_err};
use datafusion::logical_expr::registry::{ExtensionTypeRegistration, ExtensionTypeRegistrationRef};
use flow_source::address::ip_from_bytes;
use flow_source::{IpType, ip_type};

/// How DataFusion makes the type from the label of a column.
pub(crate) fn registration() -> ExtensionTypeRegistrationRef {
    ExtensionTypeRegistration::new_arc(IpType::NAME, |storage, metadata| {
        let metadata = IpType::deserialize_metadata(metadata)?;
        Ok(Arc::new(Address(IpType::try_new(storage, metadata)?)))
    })
}

#[derive(Debug)]
struct Address(IpType);

impl DFExtensionType for Address {
    fn storage_type(&self) -> DataType {
        ip_type()
    }

    fn serialize_metadata(&self) -> Option<String> {
        self.0.serialize_metadata()
    }

    fn create_array_formatter<'fmt>(
        &self,
        array: &'fmt dyn Array,
        options: &FormatOptions<'fmt>,
    ) -> DataFusionResult<Option<ArrayFormatter<'fmt>>> {
        let formatter = formatter(array, options);
        formatter.map(Some).ok_or_else(|| plan_datafusion_err!("{} is no column of addresses", array.data_type()))
    }
}

/// Shows addresses as text; `None` when the column is stored otherwise.
pub(crate) fn formatter<'fmt>(array: &'fmt dyn Array, options: &FormatOptions<'fmt>) -> Option<ArrayFormatter<'fmt>> {
    let addresses = array.as_fixed_size_binary_opt().filter(|array| array.data_type() == &ip_type())?;
    Some(ArrayFormatter::new(Box::new(Shown { addresses, null: options.null() }), options.safe()))
}

struct Shown<'a> {
    addresses: &'a FixedSizeBinaryArray,
    null: &'a str,
}

impl DisplayIndex for Shown<'_> {
    fn write(&self, row: usize, out: &mut dyn Write) -> FormatResult {
        let address = self.addresses.is_valid(row).then(|| ip_from_bytes(self.addresses.value(row))).flatten();
        match address {
            Some(address) => write!(out, "{address}")?,
            None => out.write_str(self.null)?,
        }
        Ok(())
    }
}
