//! What a Rust cell imports: queries, displays, output, widgets. `flowdeck::…` is there in every cell; the names of
//! [`widgets`] are best imported by `use flowdeck::widgets::*`.
//!
//! This crate is linked into each cell's shared object, so it stays small: everything that lives longer than a cell
//! (the connection, callbacks) and everything heavy (Arrow IPC) is in the cell host, behind [`abi`].

#![warn(missing_docs)]

// What `derive(FlowRow)` writes names this crate, also in here.
extern crate self as flowdeck;

pub mod abi;
pub mod bridge;
mod convert;
mod display;
pub mod evcxr_store;
#[cfg(test)]
mod fake_host;
mod form;
mod functions;
mod host;
mod input;
mod output;
mod pause;
mod plot;
mod rows;
#[doc(hidden)]
pub mod stand_in;
mod table;
pub mod task;
mod value;
pub mod widgets;

pub use arrow_array;
pub use arrow_schema;
pub use chrono;

pub use convert::{FromCell, FromRow, Mismatch};
pub use display::{Displayable, Html, Markdown, MimeBundle, display, display_html, display_markdown, update_display};
pub use flowdeck_derive::FlowRow;
pub use form::{Field, FromField};
pub use functions::{
    AggregateFunction, Argument, BatchColumn, BatchFunction, FinishFunction, Output, ScalarFunction, SqlValue, Udf,
    register_batch_udf, register_udaf, register_udf,
};
pub use host::Error;
pub use input::{input, password};
pub use output::{clear_output, return_error, write_stderr, write_stdout};
#[doc(hidden)]
pub use output::{completed, write_debug, write_stderr_fmt, write_stdout_fmt};
pub use pause::{cancel, sleep};
pub use plot::{Plot, PlotKind, plot};
pub use rows::{FlowRow, table};
#[doc(hidden)]
pub use rows::{column_of, places_of, rows_of};
pub use table::{Row, Table, sql};
pub use value::{ShowDebug, ShowDisplayable};
pub use widgets::progress;
