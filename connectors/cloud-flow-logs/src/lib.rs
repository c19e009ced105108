//! Flow logs of cloud networks: AWS VPC flow logs ([`aws`]), Azure NSG and VNet flow logs ([`azure`]), Google VPC flow logs
//! ([`gcp`]), and what Azure makes of its own ([`traffic_analytics`]). Each is a connector of its own.
//!
//! A row is what the cloud reports of one flow in one interval at one network interface, so one conversation has several.

pub mod aws;
pub mod azure;
pub mod gcp;
pub mod traffic_analytics;

use file_source::text::TextConnector;

/// AWS VPC flow logs for the engine's registry.
pub type AwsConnector = TextConnector<aws::AwsVpc>;
/// Azure flow logs for the engine's registry.
pub type AzureConnector = TextConnector<azure::AzureFlows>;
/// Exports of Azure Traffic Analytics for the engine's registry.
pub type TrafficAnalyticsConnector = TextConnector<traffic_analytics::TrafficAnalytics>;
/// Google VPC flow logs for the engine's registry.
pub type GcpConnector = TextConnector<gcp::GcpVpc>;

/// What Zeek calls an attempt that was rejected; the clouds' firewalls say DENY or REJECT.
const REJECTED: &str = "REJ";
