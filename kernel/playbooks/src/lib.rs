//! A folder of playbooks as the person sees it who looks after it: what is in it, what its upstream has and it has not,
//! copies of notebooks, and data that was stored.
//!
//! [`checkout`] knows the git repository and its upstream, [`plan`] compares, [`update`] makes the files those of the
//! upstream; [`list`], [`duplicates`] and [`data`] tell what is there, [`removal`] removes what was told. No kernel, no SQL
//! and no terminal: what is said while something happens goes to a [`Log`], and asking a person is up to the caller.
//!
//! Invariants: nothing outside of the folder is written or removed, whatever symbolic links say. What a person has changed is
//! copied aside before it is replaced. Nothing is removed that was not listed before, nor what git looks after.

pub mod checkout;
pub mod data;
pub mod duplicates;
mod fault;
mod files;
pub mod head;
mod kept;
pub mod list;
mod log;
pub mod plan;
pub mod removal;
pub mod update;
mod walk;

pub use checkout::Checkout;
pub use fault::Fault;
pub use log::{Level, Log, line};
pub use plan::Plan;
