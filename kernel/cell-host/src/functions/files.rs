//! Files that the kernel hands over on a connection, and what is written into them.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsRawFd, FromRawFd, RawFd},
        unix::net::UnixStream,
    },
};

/// How many files come with one byte.
const FILES: usize = 2;

/// Room for the message that carries them, bytes.
const CONTROL_BYTES: usize = 64;

/// Receives the two files of a connection for calls: that of arguments, and that of values.
///
/// # Errors
/// What the socket says, and `InvalidData` when no two files come.
// Lengths in messages have other types on other systems.
#[allow(clippy::unnecessary_cast)]
pub fn receive(connection: &UnixStream) -> io::Result<[File; FILES]> {
    let mut byte = [0_u8];
    // Aligned as control messages must be.
    let mut control = [0_u64; CONTROL_BYTES / size_of::<u64>()];
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: byte.len() };
    // Safety: a message of zeros is an empty one.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = CONTROL_BYTES as _;
    // Safety: the message points to memory that is there during the call.
    if unsafe { libc::recvmsg(connection.as_raw_fd(), &raw mut message, 0) } != 1 {
        return Err(io::Error::last_os_error());
    }
    let none = || io::Error::new(io::ErrorKind::InvalidData, "the kernel handed no files over");
    // Safety: `recvmsg` has filled the message.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message).as_ref() }.ok_or_else(none)?;
    // Safety: asks for a length.
    let wanted = unsafe { libc::CMSG_LEN((FILES * size_of::<RawFd>()) as u32) } as usize;
    if header.cmsg_type != libc::SCM_RIGHTS || (header.cmsg_len as usize) != wanted {
        return Err(none());
    }
    // Safety: the header says that so many descriptors follow, which are ours now.
    let descriptors = unsafe { libc::CMSG_DATA(header).cast::<[RawFd; FILES]>().read_unaligned() };
    Ok(descriptors.map(|descriptor| unsafe { File::from_raw_fd(descriptor) }))
}
