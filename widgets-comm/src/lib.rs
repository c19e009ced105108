//! The ipywidgets messaging protocol: models, their state, and the comm messages about them. No IO, no threads.
//!
//! In reading order: `table` lists the models and `spec` makes constants of it; `registry` holds the live models and
//! answers messages; `message` and `buffers` are the form in which these travel; `view` shows models without a front
//! end.

pub mod buffers;
mod check;
mod error;
mod links;
pub mod message;
mod model;
mod models;
pub mod moments;
mod nearest;
pub mod output;
pub mod registry;
mod rules;
pub mod selection;
pub mod spec;
pub mod table;
pub mod view;
mod weight;

pub use buffers::{State, StateValue};
pub use check::ValueFault;
pub use error::WidgetError;
pub use links::{LINK_STEPS_MAX, LinkId};
pub use message::{CommKind, CommMessage, Incoming};
pub use model::CUSTOM_KEYS_MAX;
pub use registry::{
    CONTROL_COMMS_MAX, Event, FRONT_END_MODELS_MAX, INCOMING_BUFFER_BYTES_MAX, INCOMING_BYTES_MAX, Outcome, Registry,
};
pub use rules::RuleFault;
