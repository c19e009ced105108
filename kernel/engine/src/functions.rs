//! The SQL functions of ours: their list, their help, their registration. One file per subject.
//!
//! [`list`] names all of them in order; registration, completion and help read it, and a test runs the example of
//! each. `scalar` and `aggregate` turn a description into what DataFusion calls, `arguments` checks and casts what
//! a query gives. `foreign` is for functions that Rust cells define. Where addresses are read is `address` alone.

use std::sync::Arc;

use datafusion::prelude::SessionContext;

use crate::ip::IpFunctions;

mod address;
mod addresses;
mod aggregate;
mod arguments;
mod beacon;
mod blocklist;
mod community_id;
mod databases;
mod domain;
mod enrich;
mod fault;
mod foreign;
mod geo;
mod human;
mod indicator;
mod ip_in;
pub(crate) mod ip_list;
mod kept_file;
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
mod toplist;

pub(crate) use addresses::TO_IP_NAME;
pub(crate) use arguments::constant_text;
pub use enrich::EnrichmentOptions;
pub(crate) use enrich::{QueryLookups, check_lookups};
pub use fault::FunctionFault;
pub use foreign::{ForeignCall, ForeignCalls, ForeignFault, ForeignFunction, ForeignHost, ForeignStep, ForeignType};
pub(crate) use foreign::{QueryCalls, bind as bind_foreign, is_one as is_foreign, signature_of as foreign_signature};
pub(crate) use list::{help_of, is_ours, table_functions};
pub(crate) use scalar::{is_prepared, prepared, ranges_of};
pub use setup::LookupFiles;
pub(crate) use setup::Setup;
pub(crate) use table::QueryParameters;

/// Makes the functions known to SQL; gives those that addresses are written with.
pub(crate) fn register(context: &SessionContext, setup: Setup) -> IpFunctions {
    table::register(context);
    let setup = Arc::new(setup);
    for function in enrich::functions() {
        context.register_udf(function.to_udf(&setup));
    }
    context.register_udtf(enrich::SERVICES_FUNCTION.name, Arc::new(enrich::ServicesFunction(Arc::clone(&setup))));
    blocklist::register(context, &setup);
    for function in list::SCALARS {
        context.register_udf(function.to_udf(&setup));
    }
    context.register_udaf(crate::integers::checked_sum());
    for function in list::AGGREGATES {
        context.register_udaf(function.to_udaf());
    }
    let udf = |function: &'static scalar::ScalarFunction| Arc::new(function.to_udf(&setup));
    IpFunctions {
        to_ip: udf(&addresses::TO_IP),
        cast_to_ip: udf(&addresses::CAST_TO_IP),
        ip_text: udf(&addresses::IP_TEXT),
        ip_in: udf(&ip_in::IP_IN),
    }
}
