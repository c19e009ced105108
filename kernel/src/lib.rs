//! The Flowdeck kernel: rooms in reading order.
//!
//! [`kernel`] puts the parts together; [`dispatch`] brackets every request with busy and idle; [`request`] answers
//! them, one file each; [`execution`] runs cells one after another; [`cell`] says what kind of cell a text is;
//! [`interpreter`] runs it; [`outputs`] publishes what it puts out; [`table`] shows results
//! and [`plot`] draws them; [`run`] runs a notebook without a page; [`report`] words every error for the notebook.

// The library exists for its binary and for the tests; what is public here is public to them.
#![allow(unreachable_pub)]

pub mod case_report;
pub mod cell;
pub mod cli;
pub mod config;
pub mod dispatch;
pub mod engine;
pub mod execution;
pub mod exports;
pub mod form;
pub mod help;
pub mod history;
pub mod install;
pub mod interpreter;
pub mod kernel;
pub mod outputs;
pub mod pace;
pub mod playbooks;
pub mod plot;
pub mod report;
pub mod request;
pub mod results;
pub mod run;
pub mod sources;
pub mod status;
pub mod stdin;
pub mod table;
pub mod widgets;
