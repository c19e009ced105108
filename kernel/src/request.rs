//! The answers to requests, one module each. Cells are run by [`crate::execution`].

pub mod comm;
pub mod complete;
pub mod cursor;
pub mod history;
pub mod inspect;
pub mod interrupt;
pub mod is_complete;
pub mod kernel_info;
pub mod shutdown;
pub mod usage;
