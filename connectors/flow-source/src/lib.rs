//! The contract below all connectors: the flow record, the errors, the quality report and the shape of a source.
//!
//! Reading order: [`schema`] (what a flow is), [`source`] (what a connector is), [`error`] and [`quality`] (what it
//! says when data is bad), [`builder`], [`row`] and [`record`] (batches), [`address`], [`moment`],
//! [`protocol`] and [`community_id`] (helpers), [`secret`] (keys of sources), `contract_tests` (what every connector must pass, feature
//! `test-support`). No connector is named here and nothing here opens a file of flows.

pub mod address;
pub mod builder;
pub mod community_id;
#[cfg(feature = "test-support")]
pub mod contract_tests;
pub mod domain;
pub mod error;
pub mod moment;
pub mod place;
pub mod protocol;
pub mod quality;
pub mod record;
pub mod row;
pub mod schema;
pub mod secret;
pub mod source;

pub use address::{AddressBuilder, IpType, column_field, ip_field, ip_type, is_ip_field};
pub use builder::FlowBatch;
pub use error::SourceError;
pub use place::Place;
pub use quality::{Breakage, QualityReport, REASONS_KEPT_MAX, Rejection, quality_of_plan};
pub use record::FlowRecord;
pub use row::{FlowRow, FlowRows};
pub use schema::flow_schema;
pub use secret::{Secret, SecretError, SecretPlace};
pub use source::{Connector, FileSet};
