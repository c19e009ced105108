//! Flows of a Flowmon collector, over the REST API of its Monitoring Center (FMC).
//!
//! Reading order: [`source`] (what it is asked and what it gives), `search` (a listing of flows in the API's words),
//! `filter` (conditions in nfdump's language), `rows` (an answer cut into flows, and their values), `number` (counts that
//! the server rounds), `api` (profiles, channels, queries that are waited for), `client` (tokens, and what answers mean).

mod api;
mod client;
mod filter;
mod number;
mod rows;
mod search;
pub mod source;

pub use source::Flowmon;
