//! What all sources share that are asked over a network, so that each has only its own language to speak.
//!
//! Reading order: [`source`] (what a connector fills in, and what it is asked), [`predicate`] with [`ranges`] (what a
//! query wants of rows, in no language), `translate` (where that comes from), [`cell`] and `rows` (values as they arrive,
//! and flows made of them), DataFusion's three layers `table`, `plan`, [`stream`], [`error`] (what goes wrong, for
//! analysts), and for connectors to choose from: [`http`] (requests with keys, bounds and retries), [`lines`] (answers
//! line by line), [`sql`] (conditions for servers that speak SQL), [`tls`] (whom to trust), [`json`] (values in
//! documents). No server is known here by name, and files are the business of `file-source`.

pub mod cell;
pub mod error;
pub mod http;
pub mod json;
pub mod lines;
mod plan;
pub mod predicate;
pub mod ranges;
mod rows;
pub mod source;
pub mod sql;
pub mod stream;
mod table;
pub mod tls;
mod translate;

pub use cell::Cell;
pub use error::{Cause, RemoteError};
pub use predicate::{Predicate, Support};
pub use ranges::Ranges;
pub use source::{Origin, RemoteConnector, RemoteSource, Request, Settings, SourceColumn, TimeUnit};
pub use stream::{Next, Sink};
pub use table::{RangesOf, RemoteTable};
