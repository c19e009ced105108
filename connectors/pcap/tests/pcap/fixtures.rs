//! Helpers: samples, temporary files, SQL.

use std::sync::Arc;

pub(crate) use connector_test_support::{Files, context, rows, sample as samples, text};
use datafusion::catalog::TableProvider;
use flow_source::QualityReport;

pub(crate) fn report(table: &Arc<dyn TableProvider>) -> Arc<QualityReport> {
    file_source::quality(table.as_ref()).unwrap()
}
