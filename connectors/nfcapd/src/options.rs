//! The limits of this connector.

/// Bytes of a block, stored and decompressed. nfdump's own buffers have 5 MiB.
pub const BLOCK_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Extension maps that a file of layout 1 may define; their ids have 16 bits.
pub const EXTENSION_MAPS_MAX: usize = 65_536;
/// Exporters remembered per file; their ids have 16 bits.
pub const EXPORTERS_MAX: usize = 65_536;
/// Samplers remembered per exporter.
pub const SAMPLERS_MAX: usize = 256;
/// A file's own statistics bound its flows only roughly: some exporters send flows that end before they begin.
pub const SPAN_MARGIN_SECONDS: i64 = 3600;
