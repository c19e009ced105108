//! The SQL functions of ours: their list, their help, their registration. One file per subject.
//!
//! [`list`] names all of them in order; registration, completion and help read it, and a test runs the example of
//! each. `scalar` and `aggregate` turn a description into what DataFusion calls, `arguments` checks and casts what
//! a query gives. Where addresses are read is `address` alone.

use std::sync::Arc;

use datafusion::prelude::SessionContext;

mod address;
mod addresses;
mod aggregate;
mod arguments;
mod beacon;
mod community_id;
mod domain;
mod fault;
mod human;
mod indicator;
mod ip_in;
pub(crate) mod ip_list;
mod list;
mod protocol;
mod range_set;
mod safe_sum;
mod scalar;
mod setup;
mod suffix_rules;
mod table;
#[cfg(test)]
mod testing;
mod text;
mod text_measure;
mod time_bin;

pub use fault::FunctionFault;
pub(crate) use list::{help_of, table_functions};
pub use setup::LookupFiles;
pub(crate) use table::QueryParameters;

/// Makes the functions known to SQL.
pub(crate) fn register(context: &SessionContext, files: LookupFiles) {
    table::register(context);
    let setup = Arc::new(setup::Setup::new(files));
    for function in list::SCALARS {
        context.register_udf(function.to_udf(&setup));
    }
    for function in list::AGGREGATES {
        context.register_udaf(function.to_udaf());
    }
}
