//! The SQL functions of ours: their list, their help, their registration. One file per subject.
//!
//! [`list`] names all of them in order; registration, completion and help read it, and a test runs the example of
//! each. `scalar` and `aggregate` turn a description into what DataFusion calls, `arguments` checks and casts what
//! a query gives. Where addresses are read is `address` alone.

use datafusion::prelude::SessionContext;

mod address;
#[expect(dead_code, reason = "more kinds than the first functions need")]
mod arguments;
mod fault;
mod ip_in;
pub(crate) mod ip_list;
mod list;
mod range_set;
#[expect(dead_code, reason = "more results than the first functions need")]
mod scalar;
mod table;
mod text;

pub use fault::FunctionFault;
pub(crate) use list::{help_of, table_functions};
pub(crate) use table::QueryParameters;

/// Makes the functions known to SQL.
pub(crate) fn register(context: &SessionContext) {
    table::register(context);
    for function in list::SCALARS {
        context.register_udf(function.to_udf());
    }
}
