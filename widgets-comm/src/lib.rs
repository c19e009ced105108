//! The ipywidgets messaging protocol: models, their state, and the comm messages about them. No IO, no threads.
//!
//! The room is laid out and still empty: the kernel opens no comm target and answers `comm_open` with `comm_close`.
