//! Addresses in SQL: 16 bytes that compare with text, with networks and with each other as analysts expect.
//!
//! DataFusion knows the bytes and carries the label [`IpType`] of a column along; what the label means is here.
//! `planner` lets through what it would refuse, `resolve` then writes each plan in terms of bytes, before DataFusion
//! unites types: `src_ip = '10.0.0.0/8'` becomes a range of bytes, which prunes files and can be told to remote
//! sources. `expressions` does that for one expression, `range` words the ranges, `deferred` and `text_functions` hold
//! what stands in a plan until then, `extension` is what DataFusion's registry of types is told. What a list of
//! addresses means is [`crate::functions`]' business.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::Field;
use datafusion::common::ScalarValue;
use datafusion::common::metadata::FieldMetadata;
use datafusion::logical_expr::Expr;
use flow_source::address::{IP_BYTES, ip_texts};
use flow_source::{ip_field, ip_type, is_ip_field};

mod deferred;
mod expressions;
mod extension;
mod notes;
mod planner;
mod range;
mod resolve;
mod text_functions;

pub(crate) use expressions::IpFunctions;
pub(crate) use extension::{formatter, registration};
pub(crate) use notes::notes_of_lists;
pub(crate) use planner::{IpPlanner, IpTypeNames};
pub(crate) use resolve::ResolveAddresses;
pub(crate) use text_functions::register_text_functions;

/// What marks a column or a value as an address.
pub(crate) fn label() -> FieldMetadata {
    let metadata: HashMap<String, String> = ip_field("").metadata().clone();
    FieldMetadata::from(metadata)
}

/// The address behind a number, as a constant of a query; `None` is NULL.
pub(crate) fn constant(number: Option<u128>) -> Expr {
    let bytes = number.map(|number| number.to_be_bytes().to_vec());
    Expr::Literal(ScalarValue::FixedSizeBinary(IP_BYTES as i32, bytes), Some(label()))
}

/// The column as readers see it that know no addresses: addresses as text, everything else as it is.
pub(crate) fn readable(field: &Field, column: &ArrayRef) -> ArrayRef {
    match column.as_fixed_size_binary_opt() {
        Some(addresses) if is_ip_field(field) => Arc::new(ip_texts(addresses)),
        _ => Arc::clone(column),
    }
}

/// Whether values of this type may be addresses, whatever they are labelled as.
fn may_be_address(data_type: &arrow::datatypes::DataType) -> bool {
    data_type == &ip_type()
}
