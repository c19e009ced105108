//! The Jupyter kernel protocol: what a message is and how it travels. It knows no language, no widget, no table.
//!
//! Reading order: [`connection_file`] (ports and key as Jupyter hands them to us), [`wire`] (frames, signature,
//! header, message), [`session`] (who we are in this run; makes every outgoing message), [`socket`] (one module per
//! channel).

#![warn(missing_docs)]

pub mod connection_file;
pub mod session;
pub mod socket;
pub mod wire;

pub use session::Session;
pub use wire::message::{Channel, Message, MimeBundle};
