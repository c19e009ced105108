//! Which fields of events become which columns of flows: those that the source names, else those of the Common
//! Information Model for network traffic. A server cannot be asked which fields there are: a missing one is NULL.

use std::collections::BTreeMap;

use remote_source::{Cause, Origin, Settings, SourceColumn, TimeUnit};

/// When an event was; the field that a search for a stretch of time is about.
pub(crate) const TIME: &str = "_time";
/// Columns of flows and fields of the model.
const MODEL: &[(&str, &str)] = &[
    ("start_time", TIME),
    ("duration_s", "duration"),
    ("src_ip", "src_ip"),
    ("dst_ip", "dest_ip"),
    ("src_port", "src_port"),
    ("dst_port", "dest_port"),
    ("protocol_name", "transport"),
    ("bytes", "bytes_out"),
    ("rev_bytes", "bytes_in"),
    ("packets", "packets_out"),
    ("rev_packets", "packets_in"),
    ("tcp_flags", "tcp_flag"),
    ("src_mac", "src_mac"),
    ("dst_mac", "dest_mac"),
    ("vlan_id", "vlan"),
    ("direction", "direction"),
    ("app_protocol", "app"),
    ("exporter_ip", "dvc_ip"),
    ("sensor", "dvc"),
    ("uid", "session_id"),
    ("source_row", "_cd"),
];

/// What a column of flows is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapped {
    pub(crate) field: String,
    /// What its numbers count.
    pub(crate) unit: Option<TimeUnit>,
}

/// Fields, by columns of flows.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(crate) mapped: BTreeMap<String, Mapped>,
    pub(crate) columns: Vec<SourceColumn>,
}

impl Fields {
    pub(crate) fn of(settings: &Settings) -> Result<Self, Cause> {
        let mut fields = Self::default();
        for (flow, field) in MODEL {
            fields.mapped.insert((*flow).to_owned(), Mapped { field: (*field).to_owned(), unit: None });
        }
        for (flow, origin) in &settings.columns {
            let Origin::Column { name, unit } = origin else {
                return Err(Cause::Setting {
                    fact: format!("{flow} should come from an expression, and fields of events have none"),
                    hint: format!("Write {flow} = \"FIELD\", and `| eval FIELD=…` at the end of `search`"),
                });
            };
            fields.mapped.insert(flow.clone(), Mapped { field: name.clone(), unit: *unit });
        }
        fields.columns =
            fields.mapped.iter().map(|(flow, mapped)| SourceColumn { name: flow.clone(), unit: mapped.unit }).collect();
        Ok(fields)
    }
}
