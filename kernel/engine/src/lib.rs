//! The engine room: SQL over flows, from the text of a query to rows that can be shown, stored or exported.
//!
//! Reading order: [`engine`] (the tables and the DataFusion `SessionContext`), [`query`] (one query from text to
//! rows), `files` (what a path is, decided by content), [`source`] (what is set about a named source), `servers` (sources at servers), `flow_view` and
//! `column_map` (foreign columns under the common flow schema), `clock` (clocks that go wrong),
//! `functions` (what SQL knows beyond DataFusion), `ip` (what addresses are in SQL), [`error`] (what an analyst reads
//! when it fails), [`render`] and [`export`] (rows for eyes and for files), [`stored`] (a result that is paged, sorted
//! and filtered), [`plot`] (what a plot draws of it), [`completion`] (what the editor offers while typing), [`store`]
//! (flows kept in Parquet files) and [`collect`] (flows from the network into a store).
//!
//! Not in here: Jupyter, widgets, sockets, Rust cells. Formats of a source are the connectors' business; the engine
//! only asks them what a file is and lets them open it.

mod clock;
pub mod collect;
mod column_map;
pub mod completion;
mod connectors;
mod cooperation;
mod durations;
pub mod engine;
pub mod error;
mod executor;
pub mod export;
mod files;
mod flow_view;
mod functions;
mod integers;
mod ip;
mod keep;
mod memory;
mod names;
mod notes;
mod parameter;
pub mod plot;
pub mod query;
pub mod render;
mod repeated;
pub mod result;
mod schema_document;
mod servers;
mod session_folder;
pub mod source;
mod standard_views;
mod statement;
mod stop;
pub mod store;
pub mod stored;

pub use completion::{Completion, CompletionKind, Completions};
/// Lists of what is visited most and of what to beware of: reading, updating.
pub use connectors::lists;
pub use engine::{Engine, EngineOptions, SourceKind};
pub use enrichment::Settings as EnrichmentSettings;
pub use error::{EngineError, Position, UnopenedFault};
pub use export::Format;
pub use files::FileFault;
pub use files::remote::{RemoteAccess, RemoteCause, is_address, shown_location};
/// Keys of sources, for the configuration and for connectors over the network.
pub use flow_source::{Secret, SecretError, SecretPlace};
pub use functions::ip_list::{BadToken, IpList, IpListError, parse_ip_list};
pub use functions::{
    EnrichmentOptions, ForeignCall, ForeignCalls, ForeignFault, ForeignFunction, ForeignHost, ForeignStep, ForeignType,
    FunctionFault, LookupFiles,
};
pub use names::nearest as nearest_names;
pub use notes::Note;
pub use parameter::Parameter;
pub use plot::{Chart, PlotFault, PlotRequest};
pub use query::{Progress, ProgressCallback, QueryOptions};
pub use result::QueryResult;
pub use schema_document::schema_document;
pub use servers::{ServerNeeds, ServerSettings, server_needs};
pub use session_folder::SessionFolder;
pub use source::{
    Channels, ColumnOrigin, NameMargin, Registered, SettingsMaker, SourceSettings, SourceStatus, TimeUnit,
    mappable_columns, source_formats,
};
pub use store::{FlowStore, StoreError};
pub use stored::StoredResult;
/// The token that stops a query; the kernel hands one to each query and cancels it on interrupt.
pub use tokio_util::sync::CancellationToken;
