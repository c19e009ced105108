//! Tests of the whole: this crate holds the house rules (`tidy.rs`); the Python tests beside it drive the real kernel.
