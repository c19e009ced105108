//! What Zeek's protocol analysers saw inside a flow.
//!
//! Contents only; the flow around them is in `flow`, their text in `zeek`.

use crate::dice::Uid;

/// What the DNS analyser saw in a flow.
#[derive(Debug, Clone)]
pub(crate) struct DnsExchange {
    pub(crate) query: String,
    pub(crate) kind: DnsKind,
    pub(crate) transaction: u16,
    /// Empty with `NXDOMAIN` when `exists` is false, empty with `NOERROR` when there is no record of this kind.
    pub(crate) answers: Vec<String>,
    pub(crate) ttl_s: u32,
    pub(crate) exists: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DnsKind {
    A,
    Aaaa,
    Ptr,
}

/// What the TLS analyser saw in a flow.
#[derive(Debug, Clone)]
pub(crate) struct TlsHandshake {
    pub(crate) server_name: String,
    pub(crate) resumed: bool,
    /// Set for TLS 1.2; in TLS 1.3 the certificate is encrypted and Zeek does not see it.
    pub(crate) certificate: Option<Uid>,
}
