//! Flow logs of cloud networks: AWS VPC flow logs ([`aws`]), Azure NSG and VNet flow logs ([`azure`]), Google VPC flow logs
//! ([`gcp`]). Each is a connector of its own.
//!
//! A row is what the cloud reports of one flow in one interval at one network interface, so one conversation has several.

pub mod aws;
pub mod azure;
pub mod gcp;

use file_source::text::TextConnector;

/// AWS VPC flow logs for the engine's registry.
pub type AwsConnector = TextConnector<aws::AwsVpc>;
/// Azure flow logs for the engine's registry.
pub type AzureConnector = TextConnector<azure::AzureFlows>;
/// Google VPC flow logs for the engine's registry.
pub type GcpConnector = TextConnector<gcp::GcpVpc>;

/// What Zeek calls an attempt that was rejected; the clouds' firewalls say DENY or REJECT.
const REJECTED: &str = "REJ";
