//! What can be set when a capture is opened, and the limits of this connector.

/// Flows remembered at once; beyond that those that were silent longest end early, with end reason 5.
pub const FLOWS_MAX: usize = 400_000;
/// Octets kept of each direction of a connection until its request or greeting is complete.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Octets kept of all connections together; beyond that connections are not looked into any more.
pub const HELD_BYTES_MAX: usize = 256 * 1024 * 1024;
/// DNS questions that wait for their answer.
pub const QUESTIONS_MAX: usize = 65_536;

const SECOND_NS: i64 = 1_000_000_000;

/// Settings of one table.
///
/// | option | meaning | default |
/// |---|---|---|
/// | `active_ns` | a flow that lasts longer is cut into several | 5 minutes |
/// | `inactive_ns` | a flow ends when it was silent for longer | 65 seconds |
///
/// The defaults are those of ipfixprobe, so that its flows and these can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PcapOptions {
    /// Nanoseconds after which a flow is cut.
    pub active_ns: i64,
    /// Nanoseconds of silence after which a flow ends.
    pub inactive_ns: i64,
}

impl Default for PcapOptions {
    fn default() -> Self {
        Self { active_ns: 300 * SECOND_NS, inactive_ns: 65 * SECOND_NS }
    }
}
