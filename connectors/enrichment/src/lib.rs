//! What services of the internet know of an address, a name, a hash: asked within their quotas, kept on disk, and with
//! nothing sent that is ours.
//!
//! Reading order: [`indicator`] (what is asked about), [`scope`] (what never leaves), [`service`] (how a service is
//! described), [`settings`] (what the configuration says), [`outcome`] (what comes back), `quota` and `store` (what kernels
//! share on disk), `client` (one request), [`session`] (one query) and [`desk`] (many lookups: the whole of it). Services are
//! crates beside this one; none is named here, and SQL is the engine's business.

mod client;
pub mod desk;
pub mod indicator;
pub mod outcome;
mod quota;
pub mod scope;
pub mod service;
pub mod session;
pub mod settings;
mod store;

pub use desk::{Desk, DeskError, Mode, ServiceState};
pub use indicator::{Indicator, Kind};
pub use outcome::{Answer, Fault, Outcome, Reason};
pub use scope::Scope;
pub use service::{Body, Field, FieldKind, KeyUse, Lookup, Request, Service, at, each_text, field};
pub use session::Session;
pub use settings::{ServiceSettings, Settings, SettingsError};
