//! What a message is: signed frames on the outside, header, parent header, metadata, content and buffers inside.

pub mod frames;
pub mod header;
pub mod message;
pub mod signature;
