//! Captured packets out of pcap and pcapng files, and the headers of a packet. For connectors that read captures.
//!
//! `capture` cuts a file into packets, `headers` reads one packet from its link layer to its transport. What packets
//! mean (a flow, an export of NetFlow) is the business of the connectors. Files are hostile: every length is checked
//! against what was read, a capture that breaks off gives its packets and then says where.

mod capture;
mod headers;
mod window;

pub use capture::{CaptureReader, Defect, PACKET_BYTES_MAX, Packet, recognises};
pub use headers::{Headers, LinkType, NoHeaders, read_headers};
pub use window::Window;
