//! TLS greetings: the name that a client asks for, what both sides settle on. By `tls-parser`.

use tls_parser::{
    TlsExtension, TlsMessageHandshake, parse_tls_extensions, parse_tls_handshake_msg_client_hello,
    parse_tls_handshake_msg_server_hello,
};

use crate::stream::Stream;

const RECORD_HEADER_BYTES: usize = 5;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// What the greetings of a connection said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Handshake {
    pub(crate) time_ns: Option<i64>,
    /// Server name indication (RFC 6066), as sent.
    pub(crate) server_name: Option<String>,
    /// What the client would speak inside (RFC 7301), in its order.
    pub(crate) alpn: Vec<String>,
    /// The version that the server chose; without its greeting the highest that the client offers.
    pub(crate) version: Option<u16>,
    /// The cipher suite that the server chose.
    pub(crate) cipher: Option<u16>,
    /// Whether the client's greeting was seen whole.
    pub(crate) is_complete: bool,
    pub(crate) has_server: bool,
}

/// The greetings while they come.
#[derive(Debug, Default)]
pub(crate) struct TlsState {
    seen: Handshake,
    is_given: bool,
}

impl TlsState {
    /// Whether octets begin a record with a handshake.
    pub(crate) fn recognises(bytes: &[u8]) -> bool {
        matches!(bytes, [HANDSHAKE, 3, 0..=4, _, _, CLIENT_HELLO, ..])
    }

    /// Reads on; gives the handshake once both sides have greeted, or nothing more can come.
    pub(crate) fn read(&mut self, client: &Stream, server: &Stream, time_ns: Option<i64>) -> Option<Handshake> {
        self.seen.time_ns = self.seen.time_ns.or(time_ns);
        if !self.seen.is_complete {
            let (message, is_over) = handshake_message(client.bytes());
            match message {
                Some(message) => self.read_client(&message),
                None if is_over || client.is_broken() => return self.take(),
                None => return None,
            }
        }
        let (message, is_over) = handshake_message(server.bytes());
        if let Some(message) = message {
            self.read_server(&message);
            return self.take();
        }
        if is_over || server.is_broken() { self.take() } else { None }
    }

    /// What is known, once.
    pub(crate) fn take(&mut self) -> Option<Handshake> {
        (!std::mem::replace(&mut self.is_given, true)).then(|| std::mem::take(&mut self.seen))
    }

    fn read_client(&mut self, message: &[u8]) {
        self.seen.is_complete = true;
        let Some(body) = message.get(4..) else { return };
        let Ok((_, TlsMessageHandshake::ClientHello(hello))) = parse_tls_handshake_msg_client_hello(body) else {
            return;
        };
        self.seen.version = Some(hello.version.0);
        let extensions = hello.ext.and_then(|bytes| parse_tls_extensions(bytes).ok());
        for extension in extensions.map(|(_, extensions)| extensions).unwrap_or_default() {
            match extension {
                TlsExtension::SNI(names) => {
                    self.seen.server_name = names.first().map(|(_, name)| String::from_utf8_lossy(name).into_owned());
                }
                TlsExtension::ALPN(names) => {
                    self.seen.alpn = names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
                }
                TlsExtension::SupportedVersions(versions) => {
                    // Values such as 0x0a0a are sent to keep servers tolerant (RFC 8701).
                    let highest = versions.iter().map(|version| version.0).filter(|version| version >> 8 == 3).max();
                    self.seen.version = highest.or(self.seen.version);
                }
                _ => {}
            }
        }
    }

    fn read_server(&mut self, message: &[u8]) {
        let Some(body) = message.get(4..) else { return };
        let Ok((_, TlsMessageHandshake::ServerHello(hello))) = parse_tls_handshake_msg_server_hello(body) else {
            return;
        };
        self.seen.has_server = true;
        self.seen.version = Some(hello.version.0);
        self.seen.cipher = Some(hello.cipher.0);
        let extensions = hello.ext.and_then(|bytes| parse_tls_extensions(bytes).ok());
        for extension in extensions.map(|(_, extensions)| extensions).unwrap_or_default() {
            if let TlsExtension::SupportedVersions(versions) = extension
                && let Some(version) = versions.first()
            {
                self.seen.version = Some(version.0);
            }
        }
    }
}

/// The name of a version, as in `TLSv1.3`.
pub(crate) fn version_name(version: u16) -> String {
    match version {
        0x0300 => "SSLv3".into(),
        0x0301 => "TLSv1.0".into(),
        0x0302 => "TLSv1.1".into(),
        0x0303 => "TLSv1.2".into(),
        0x0304 => "TLSv1.3".into(),
        other => format!("0x{other:04x}"),
    }
}

/// The first handshake message with its header, put together from records; and whether none can come any more.
fn handshake_message(bytes: &[u8]) -> (Option<Vec<u8>>, bool) {
    let mut message = Vec::new();
    let mut rest = bytes;
    loop {
        if let Some([kind, a, b, c]) = message.first_chunk::<4>() {
            let length = 4 + usize::from(*a) * 65_536 + usize::from(*b) * 256 + usize::from(*c);
            if !matches!(*kind, CLIENT_HELLO | SERVER_HELLO) {
                return (None, true);
            }
            if message.len() >= length {
                message.truncate(length);
                return (Some(message), false);
            }
        }
        let Some([kind, _, _, high, low]) = rest.first_chunk::<RECORD_HEADER_BYTES>() else { return (None, false) };
        if *kind != HANDSHAKE {
            return (None, true);
        }
        let end = RECORD_HEADER_BYTES + usize::from(u16::from_be_bytes([*high, *low]));
        message.extend_from_slice(&rest[RECORD_HEADER_BYTES..end.min(rest.len())]);
        match rest.get(end..) {
            Some(more) => rest = more,
            // The record goes on; a message in it may be whole all the same.
            None => rest = &[],
        }
    }
}
